//! A packet socket gets any packets, and answers each with a value or an error.
//!
//! The input is cut into packets by length bytes: 0 to 254 for that many, 255 for the rest.
#![no_main]

use std::os::fd::AsFd;

use ipc_pipe::{Packets, RecvError};
use ipc_pipe_fuzz::Rich;
use libfuzzer_sys::fuzz_target;
use rustix::net::SendFlags;

fuzz_target!(|input: &[u8]| {
    let (one, other) = Packets::pair().expect("a pair of sockets");
    let mut rest = input;
    while let Some((&len, bytes)) = rest.split_first() {
        let len = if len == 255 { bytes.len() } else { usize::from(len).min(bytes.len()) };
        let (packet, next) = bytes.split_at(len.min(16 * 1024));
        rest = next;
        // An empty packet cannot be told from the end, which is how it is received.
        let _ = rustix::net::send(one.as_fd(), packet, SendFlags::DONTWAIT);
        while !matches!(
            other.try_recv::<Rich>(),
            Err(RecvError::TimedOut | RecvError::Disconnected | RecvError::Io(_))
        ) {}
    }
    drop(one);
    assert!(matches!(other.recv::<Rich>(None), Err(RecvError::Disconnected)));
});
