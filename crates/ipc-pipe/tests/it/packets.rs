//! Sockets that keep messages whole.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use ipc_pipe::{Handle, Packets, RecvError};

#[test]
fn smoke() {
    let (one, other) = Packets::pair().unwrap();
    for len in [0, 1, 8_000, 9_000, 1 << 20] {
        one.send(&vec![7_u8; len]).unwrap();
        assert_eq!(other.recv::<Vec<u8>>(None).unwrap(), vec![7; len]);
    }
    drop(one);
    assert!(matches!(other.recv::<u8>(None), Err(RecvError::Disconnected)));
}

#[test]
fn deadlines() {
    let (one, other) = Packets::pair().unwrap();
    assert!(matches!(other.try_recv::<u8>(), Err(RecvError::TimedOut)));
    let deadline = Instant::now() + Duration::from_millis(20);
    assert!(matches!(other.recv::<u8>(Some(deadline)), Err(RecvError::TimedOut)));
    assert!(Instant::now() >= deadline);
    one.send(&1_u8).unwrap();
    assert_eq!(other.try_recv::<u8>().unwrap(), 1);
}

#[test]
fn many_descriptors_and_long_bodies() {
    let (one, other) = Packets::pair().unwrap();
    for (count, len) in [(3, 10), (253, 10), (254, 10), (253, 20_000), (600, 20_000)] {
        let files = (0..count).map(|_| Handle(File::open("/dev/null").unwrap()));
        one.send(&(files.collect::<Vec<_>>(), vec![1_u8; len])).unwrap();
        let (files, bytes) = other.recv::<(Vec<Handle<File>>, Vec<u8>)>(None).unwrap();
        assert_eq!((files.len(), bytes.len()), (count, len));
    }
}

#[test]
fn garbage() {
    let (one, other) = Packets::pair().unwrap();
    let mut unknown = b"mpk1\0\0\0\x09".to_vec();
    unknown.resize(16, 0);
    for packet in [&b"x"[..], &[0; 16], &[0xff; 5000], &unknown] {
        let socket: OwnedFd = one.as_fd().try_clone_to_owned().unwrap();
        rustix::net::send(&socket, packet, rustix::net::SendFlags::empty()).unwrap();
        assert!(matches!(other.recv::<u8>(None), Err(RecvError::Protocol(_))), "{packet:?}");
    }
    one.send(&1_u8).unwrap();
    assert_eq!(other.recv::<u8>(None).unwrap(), 1);
}

#[test]
fn only_sockets_of_this_kind() {
    let (stream, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    assert!(Packets::try_from(OwnedFd::from(stream)).is_err());
    let (one, other) = Packets::pair().unwrap();
    assert!(Packets::waiting_at(other.as_fd()).unwrap().is_none());
    one.send(&1_u8).unwrap();
    let same = Packets::waiting_at(other.as_fd()).unwrap().expect("a message is waiting");
    assert!(Packets::waiting_at(same.as_fd()).unwrap().is_some(), "it is still there");
}

/// A program with more rights than its caller must not be told what to run by that.
#[test]
fn a_socket_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can act for another user");
        return;
    }
    let nobody = rustix::process::Uid::from_raw(65_534);
    // On Linux the user is a matter of the thread; this one keeps to itself.
    let of_nobody = std::thread::spawn(move || {
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let (one, other) = Packets::pair().unwrap();
        one.send(&1_u8).unwrap();
        (one, other)
    });
    let (_one, other) = of_nobody.join().unwrap();
    let error = Packets::waiting_at(other.as_fd()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
}
