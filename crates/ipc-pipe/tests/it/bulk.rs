//! Plain numbers in bulk.

use ipc_pipe::{BULK_THRESHOLD, Bulk, Handle, Message, pipe};
use rustix::fs::{MemfdFlags, SealFlags};
use serde::Serialize;

#[test]
fn smoke() {
    let (mut receiver, mut sender) = pipe::<Bulk<u32>>().unwrap();
    for len in [0, 1, 1000, BULK_THRESHOLD / 4 - 1, BULK_THRESHOLD / 4, BULK_THRESHOLD] {
        let numbers: Vec<u32> = (0..len as u32).collect();
        let thread = std::thread::spawn({
            let numbers = numbers.clone();
            move || {
                sender.send(&Bulk::from(numbers)).unwrap();
                sender
            }
        });
        let received = receiver.recv().unwrap();
        sender = thread.join().unwrap();
        assert_eq!(*received, numbers[..]);
        assert_eq!(received.is_mapped(), len * 4 >= BULK_THRESHOLD);
        assert_eq!(received.into_vec(), numbers);
    }
}

#[test]
fn inline_where_no_descriptor_can_ride() {
    let bulk = Bulk::from(vec![1_u64; BULK_THRESHOLD]);
    let bytes = postcard::to_allocvec(&bulk).unwrap();
    assert!(bytes.len() > 8 * BULK_THRESHOLD);
    assert_eq!(postcard::from_bytes::<Bulk<u64>>(&bytes).unwrap(), bulk);
}

#[test]
fn no_whole_number_of_elements() {
    let message = Message::encode(&Bulk::from(vec![1_u8; 7])).unwrap();
    assert!(message.decode::<Bulk<u64>>().is_err());
}

/// What a hostile peer sends: a file of `len` bytes that claims more, or is not sealed.
#[derive(Serialize)]
enum Lie {
    #[expect(dead_code, reason = "the variant of honest, short bulks")]
    Inline(()),
    File {
        len: u64,
        file: Handle,
    },
}

fn lie(len: u64, seals: SealFlags) -> Result<Bulk<u8>, ipc_pipe::DecodeError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create("lie", flags).unwrap();
    rustix::fs::ftruncate(&file, 100).unwrap();
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    Message::encode(&Lie::File { len, file: Handle(file) }).unwrap().decode()
}

#[test]
fn files_of_a_hostile_peer() {
    let frozen = SealFlags::WRITE | SealFlags::SHRINK;
    assert_eq!(lie(100, frozen).unwrap().len(), 100);
    for (len, seals) in [
        (101, frozen),
        (u64::MAX, frozen),
        (100, SealFlags::empty()),
        (100, SealFlags::WRITE),
        (100, SealFlags::SHRINK | SealFlags::FUTURE_WRITE),
    ] {
        assert!(lie(len, seals).is_err(), "{len} {seals:?}");
    }
}

#[test]
fn no_memory_file_at_all() {
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let lie = Lie::File { len: 10, file: Handle(file.into()) };
    assert!(Message::encode(&lie).unwrap().decode::<Bulk<u8>>().is_err());
}
