//! `pipe` and `duplex`.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use ipc_pipe::{RecvError, SendError, duplex, pipe};

/// The raw socket under an end.
fn socket(end: &impl AsFd) -> UnixStream {
    end.as_fd().try_clone_to_owned().unwrap().into()
}

#[test]
fn smoke() {
    let (mut receiver, mut sender) = pipe::<(u8, String)>().unwrap();
    sender.send(&(1, "one".into())).unwrap();
    assert_eq!(receiver.recv().unwrap(), (1, "one".into()));
}

#[test]
fn both_ways() {
    let (mut here, mut there) = duplex::<u8, String>().unwrap();
    here.send(&1).unwrap();
    there.send(&"one".into()).unwrap();
    assert_eq!((there.recv().unwrap(), here.recv().unwrap()), (1, "one".into()));
}

#[test]
fn end_of_stream_after_everything_sent() {
    let (mut receiver, mut sender) = pipe::<u8>().unwrap();
    sender.send(&1).unwrap();
    drop(sender);
    assert_eq!(receiver.recv().unwrap(), 1);
    assert!(receiver.poll(None).unwrap());
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
    assert!(matches!(receiver.try_recv(), Err(RecvError::Disconnected)));
}

#[test]
fn sending_to_a_closed_end() {
    let (receiver, mut sender) = pipe::<u8>().unwrap();
    drop(receiver);
    assert!(matches!(sender.send(&1), Err(SendError::Disconnected)));
    assert!(matches!(sender.send(&1), Err(SendError::Disconnected)));
}

#[test]
fn the_kernel_enforces_the_direction() {
    let (receiver, sender) = pipe::<u8>().unwrap();
    let error = socket(&receiver).write(b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(socket(&sender).read(&mut [0]).unwrap(), 0);
}

#[test]
fn shutdown_ends_the_stream_for_every_holder() {
    let (mut receiver, mut sender) = pipe::<u8>().unwrap();
    let copy = socket(&sender);
    sender.send(&1).unwrap();
    sender.shutdown().unwrap();
    assert_eq!(receiver.recv().unwrap(), 1);
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
    assert_eq!((&copy).write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}
