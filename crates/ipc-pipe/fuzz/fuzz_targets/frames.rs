//! A receiver gets any bytes, in pieces, and ends in an error within its deadline.
//!
//! The first byte says how it receives and into how many pieces the rest is cut.
#![no_main]

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ipc_pipe::{Receiver, RecvError};
use ipc_pipe_fuzz::Rich;
use libfuzzer_sys::fuzz_target;

const DEADLINE: Duration = Duration::from_secs(5);

fuzz_target!(|input: &[u8]| {
    let Some((&how, bytes)) = input.split_first() else { return };
    // What is more than a socket holds would need a second thread.
    let bytes = &bytes[..bytes.len().min(64 * 1024)];
    let (mut writer, socket) = UnixStream::pair().expect("a pair of sockets");
    let mut receiver = Receiver::<Rich>::try_from(OwnedFd::from(socket)).expect("a receiver");
    if how & 4 != 0 {
        receiver.set_max_message_len(1_000);
    }
    let pieces = usize::from(how >> 4) + 1;
    for piece in bytes.chunks((bytes.len() / pieces).max(1)) {
        if writer.write_all(piece).is_err() {
            break;
        }
        while receive(&mut receiver, how, Duration::ZERO) {}
    }
    drop(writer);
    while receive(&mut receiver, how, DEADLINE) {}
});

/// Receives once; false if there is nothing more for now.
fn receive(receiver: &mut Receiver<Rich>, how: u8, timeout: Duration) -> bool {
    let result = match how & 3 {
        0 => receiver.recv_timeout(timeout).map(drop),
        1 => receiver.recv_bytes_timeout(timeout).map(drop),
        2 => receiver.recv_bytes_into_timeout(&mut [0; 100], timeout).map(drop),
        _ => receiver.recv_bytes_into_timeout(&mut vec![0; 2_000], timeout).map(drop),
    };
    match result {
        Err(RecvError::TimedOut) if timeout == DEADLINE => panic!("waited for a dead writer"),
        Err(RecvError::Disconnected | RecvError::TimedOut) => false,
        Err(RecvError::Protocol(_) | RecvError::Refused(_) | RecvError::Io(_)) => false,
        _ => true,
    }
}
