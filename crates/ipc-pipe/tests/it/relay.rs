//! Someone between a client and a listener, who sees and changes what they say.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use ipc_pipe::Address;

use crate::meeting::Raw;

/// What a relay does after it has had its way with some bytes.
pub(crate) enum Verdict {
    Pass,
    Cut,
}

/// Someone who passes one connection on.
pub(crate) struct Relay {
    pub(crate) address: Address,
}

impl Relay {
    /// Passes one connection on to `target`. `manipulate` gets whether the bytes are the client's, how
    /// many of that side came before, and the bytes.
    pub(crate) fn to(
        target: Address,
        manipulate: impl FnMut(bool, usize, &mut Vec<u8>) -> Verdict + Send + 'static,
    ) -> Relay {
        let door = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = Address::Tcp(door.local_addr().unwrap());
        std::thread::spawn(move || {
            let client = door.accept().unwrap().0;
            match Raw::connect(&target) {
                Raw::Tcp(listener) => relay(client, listener, manipulate),
                Raw::Unix(listener) => {
                    let listener = TcpStream::from(std::os::fd::OwnedFd::from(listener));
                    relay(client, listener, manipulate);
                }
            }
        });
        Relay { address }
    }

    pub(crate) fn pass(_: bool, _: usize, _: &mut Vec<u8>) -> Verdict {
        Verdict::Pass
    }
}

fn relay(
    client: TcpStream,
    listener: TcpStream,
    manipulate: impl FnMut(bool, usize, &mut Vec<u8>) -> Verdict + Send,
) {
    let manipulate = std::sync::Mutex::new(manipulate);
    let (client, listener, manipulate) = (&client, &listener, &manipulate);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pump(client, listener, |seen, bytes| (manipulate.lock().unwrap())(true, seen, bytes))
        });
        pump(listener, client, |seen, bytes| (manipulate.lock().unwrap())(false, seen, bytes));
    });
}

fn pump(
    mut from: &TcpStream,
    mut to: &TcpStream,
    mut manipulate: impl FnMut(usize, &mut Vec<u8>) -> Verdict,
) {
    let mut seen = 0;
    let mut buffer = vec![0; 1 << 16];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        let mut bytes = buffer[..len].to_vec();
        let verdict = manipulate(seen, &mut bytes);
        seen += len;
        if to.write_all(&bytes).is_err() || matches!(verdict, Verdict::Cut) {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
