//! Handles on their way to other processes.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ipc_pipe::{Handle, Message};
use ipc_shm::{RawArray, RawValue, Region, ShareableList, Shared, SharedBytes, SharedSlice};
use rustix::fs::MemfdFlags;
use serde::{Deserialize, Serialize};

use crate::support::{file_of, run, start, unique};

#[derive(Serialize, Deserialize)]
struct Job {
    title: String,
    counter: Shared<AtomicU64>,
    parts: Vec<SharedSlice<u8>>,
    more: Option<(RawValue<f32>, RawArray<i16>, SharedBytes, ShareableList)>,
}

#[test]
fn handles_travel_inside_other_values() {
    let all = SharedSlice::<u8>::with_len(10).unwrap();
    let counter = Shared::new(AtomicU64::new(1)).unwrap();
    let value = RawValue::new(1.5_f32).unwrap();
    let array = RawArray::<i16>::with_len(3).unwrap();
    let bytes = SharedBytes::with_capacity(9).unwrap();
    let list = ShareableList::new(["none yet"]).unwrap();
    let job = Job {
        title: "fill".into(),
        counter: counter.clone(),
        parts: all.split(2),
        more: Some((value.clone(), array.clone(), bytes.clone(), list.clone())),
    };
    let work = |job: Job| {
        job.parts[1].write().unwrap().fill(job.title.len() as u8);
        job.counter.fetch_add(1, Relaxed);
        let (value, array, bytes, list) = job.more.unwrap();
        value.set(2.5);
        array.set(2, -2).unwrap();
        bytes.set(b"done").unwrap();
        list.set(0, "done").unwrap();
    };
    run(work, (job,));
    assert_eq!(all.to_vec().unwrap(), [0, 0, 0, 0, 0, 4, 4, 4, 4, 4]);
    assert_eq!((counter.load(Relaxed), value.get(), array.to_vec()), (2, 2.5, vec![0, 0, -2]));
    assert_eq!((bytes.get().unwrap(), list.get(0).unwrap()), (b"done".to_vec(), "done".into()));
}

#[test]
fn handles_travel_over_connections_and_further() {
    let (mut ours, theirs) = ipc_pipe::duplex::<Shared<AtomicU64>, Shared<AtomicU64>>().unwrap();
    let child = start(
        |mut connection: ipc_pipe::Connection<Shared<AtomicU64>>| {
            let counter = connection.recv().unwrap();
            run(|counter: Shared<AtomicU64>| counter.fetch_add(1, Relaxed), (counter.clone(),));
            connection
                .send(&Shared::new(AtomicU64::new(counter.load(Relaxed) * 10)).unwrap())
                .unwrap();
        },
        (theirs,),
    );
    let counter = Shared::new(AtomicU64::new(1)).unwrap();
    ours.send(&counter).unwrap();
    let from_child = ours.recv().unwrap();
    child.join().unwrap();
    assert_eq!((counter.load(Relaxed), from_child.load(Relaxed)), (2, 20));
}

#[test]
fn another_type_is_a_decode_error() {
    let message = Message::encode(&Shared::new(AtomicU64::new(1)).unwrap()).unwrap();
    let error = message.decode::<Shared<u64>>().unwrap_err();
    assert!(error.to_string().contains("another type"), "{error}");
    let array = RawArray::from_slice(&[1_u32]).unwrap();
    assert!(Message::encode(&array).unwrap().decode::<RawValue<u32>>().is_err());
    assert!(Message::encode(&array).unwrap().decode::<RawArray<u32>>().is_ok());
}

/// What a region is on the wire.
fn received(file: File, name: Option<&str>) -> Result<Region, ipc_pipe::DecodeError> {
    Message::encode(&(Handle(file), name)).unwrap().decode()
}

/// A memory file with a copy of an honest region, but without its seals.
fn unsealed(flags: MemfdFlags) -> File {
    let honest = Region::new(100).unwrap();
    let mut bytes = vec![0; 164];
    let original = File::from(honest.as_fd().try_clone_to_owned().unwrap());
    original.read_exact_at(&mut bytes, 0).unwrap();
    let file = File::from(rustix::fs::memfd_create("unsealed", flags).unwrap());
    file.write_all_at(&bytes, 0).unwrap();
    file
}

#[test]
fn a_memory_file_without_seals_is_refused() {
    for flags in [MemfdFlags::ALLOW_SEALING, MemfdFlags::empty()] {
        let error = received(unsealed(flags), None).unwrap_err();
        assert!(error.to_string().contains("unsealed"), "{error}");
    }
    let file = unsealed(MemfdFlags::ALLOW_SEALING);
    rustix::fs::fcntl_add_seals(&file, rustix::fs::SealFlags::GROW).unwrap();
    assert!(received(file.try_clone().unwrap(), None).is_err());
    rustix::fs::fcntl_add_seals(&file, rustix::fs::SealFlags::SHRINK).unwrap();
    assert_eq!(received(file, None).unwrap().len(), 100);
}

#[test]
fn descriptors_of_other_things_are_refused() {
    let null = File::options().read(true).write(true).open("/dev/null").unwrap();
    assert!(received(null, None).is_err());
    let zero = File::options().read(true).write(true).open("/dev/zero").unwrap();
    assert!(received(zero, None).is_err());
    assert!(received(File::open(std::env::temp_dir()).unwrap(), None).is_err());
    assert!(Message::from_bytes(vec![0, 0]).decode::<Region>().is_err());
}

#[test]
fn a_receiver_of_a_named_region_is_a_user_of_its_own() {
    let name = unique("sent");
    let value = RawValue::create(&name, 1_u32).unwrap();
    let received: RawValue<u32> = Message::encode(&value).unwrap().decode().unwrap();
    drop(value);
    assert_eq!(RawValue::<u32>::open(&name).unwrap().get(), 1);
    drop(received);
    assert!(!file_of(&name).exists());
}

#[test]
fn a_region_without_its_name_still_travels() {
    let name = unique("nameless");
    let value = RawValue::create(&name, 1_u32).unwrap();
    value.unlink().unwrap();
    let other = RawValue::create(&name, 5_u32).unwrap();
    let received: RawValue<u32> = Message::encode(&value).unwrap().decode().unwrap();
    received.set(2);
    drop(received);
    assert_eq!((value.get(), other.get()), (2, 5));
    assert!(file_of(&name).exists(), "the name is the other's");
}

#[test]
fn a_range_beyond_the_array_is_refused() {
    let slice = SharedSlice::from_slice(&[1_u8, 2, 3]).unwrap();
    let region = slice.region();
    for (start, end) in [(0, 4), (2, 1), (usize::MAX, 0), (0, usize::MAX)] {
        let message = Message::encode(&(region, start, end)).unwrap();
        assert!(message.decode::<SharedSlice<u8>>().is_err(), "{start}..{end}");
    }
}
