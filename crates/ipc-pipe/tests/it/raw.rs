//! Frames written by hand, so that the format is pinned by something other than the code itself.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use ipc_pipe::Receiver;

pub(crate) const DATA: u8 = 1;

/// A receiver and a socket to write anything into.
pub(crate) fn receiver<T>() -> (UnixStream, Receiver<T>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ours, Receiver::try_from(OwnedFd::from(theirs)).unwrap())
}

pub(crate) fn header(kind: u8, descriptors: u32, len: u64) -> Vec<u8> {
    let mut bytes = vec![b'm', b'p', kind, 0];
    bytes.extend(descriptors.to_le_bytes());
    bytes.extend(len.to_le_bytes());
    bytes
}

pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = header(DATA, 0, body.len() as u64);
    bytes.extend(body);
    bytes.resize(bytes.len().max(64), 0);
    bytes
}

pub(crate) fn write(socket: &mut UnixStream, bytes: &[u8]) {
    socket.write_all(bytes).unwrap();
}
