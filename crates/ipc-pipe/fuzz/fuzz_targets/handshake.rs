//! Both ends of both handshakes, and the frames of Python, get any bytes in pieces, and end in an
//! error or a connection within their deadline.
//!
//! The first byte says who gets the rest, and into how many pieces that is cut.
#![no_main]

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use ipc_pipe::{AcceptError, Address, AuthKey, Client, ConnectError, Listener, RecvError, python};
use libfuzzer_sys::fuzz_target;

const DEADLINE: Duration = Duration::from_secs(5);

fuzz_target!(|input: &[u8]| {
    let Some((&how, bytes)) = input.split_first() else { return };
    let bytes = &bytes[..bytes.len().min(16 * 1024)];
    let pieces = usize::from(how >> 4) + 1;
    let pieces = bytes.chunks((bytes.len() / pieces).max(1));
    match how & 7 {
        0 => to_listener(pieces, &OURS, |listener: &mut Listener, timeout| {
            is_for_nobody(listener.accept_timeout::<(), ()>(timeout))
        }),
        1 => to_listener(pieces, &PYTHON, |listener: &mut python::Listener, timeout| {
            is_for_nobody(listener.accept_timeout(timeout))
        }),
        2 => to_client(pieces, "ours", |address| {
            Client::options().authkey(key()).timeout(DEADLINE).connect::<(), ()>(address).map(drop)
        }),
        3 => to_client(pieces, "python", |address| {
            python::Client::options().authkey(key()).timeout(DEADLINE).connect(address).map(drop)
        }),
        _ => to_connection(pieces, how),
    }
});

static OURS: LazyLock<Mutex<Listener>> = LazyLock::new(|| {
    let listener = Listener::options().authkey(key()).bind(&address("our listener"));
    Mutex::new(listener.expect("a listener"))
});

static PYTHON: LazyLock<Mutex<python::Listener>> = LazyLock::new(|| {
    let listener = python::Listener::options().authkey(key()).bind(&address("python listener"));
    Mutex::new(listener.expect("a listener"))
});

fn key() -> AuthKey {
    AuthKey::new("a key that the fuzzer does not know")
}

fn name(of: &str) -> String {
    format!("multiproc fuzz {of} {}", std::process::id())
}

fn address(of: &str) -> Address {
    Address::abstract_name(name(of))
}

/// True if nobody is there; panics if somebody got in.
fn is_for_nobody<T>(accepted: Result<T, AcceptError>) -> bool {
    match accepted {
        Ok(_) => panic!("somebody got in without the key"),
        Err(AcceptError::Io(error)) => panic!("the listener is broken: {error}"),
        Err(error) => matches!(error, AcceptError::TimedOut),
    }
}

fn to_listener<'a, L: Named>(
    pieces: impl Iterator<Item = &'a [u8]>,
    listener: &Mutex<L>,
    mut is_for_nobody: impl FnMut(&mut L, Duration) -> bool,
) {
    let mut listener = listener.lock().expect("one thread");
    let name = SocketAddr::from_abstract_name(name(L::NAME)).expect("a short name");
    let mut writer = UnixStream::connect_addr(&name).expect("a listener");
    let mut over = false;
    for piece in pieces {
        if writer.write_all(piece).is_err() {
            break;
        }
        over |= !is_for_nobody(&mut listener, Duration::ZERO);
    }
    drop(writer);
    assert!(over || !is_for_nobody(&mut listener, DEADLINE), "waited for a dead client");
}

/// Where a listener is.
trait Named {
    const NAME: &str;
}

impl Named for Listener {
    const NAME: &str = "our listener";
}

impl Named for python::Listener {
    const NAME: &str = "python listener";
}

fn to_client<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    of: &str,
    connect: impl FnOnce(&Address) -> Result<(), ConnectError> + Send,
) {
    let socket = SocketAddr::from_abstract_name(name(of)).expect("a short name");
    let listener = UnixListener::bind_addr(&socket).expect("a free name");
    std::thread::scope(|scope| {
        let client = scope.spawn(|| connect(&address(of)));
        let (mut writer, _) = listener.accept().expect("a client");
        for piece in pieces {
            if writer.write_all(piece).is_err() {
                break;
            }
        }
        drop(writer);
        match client.join().expect("no panic") {
            Ok(()) => panic!("the client was taken in without the key"),
            Err(ConnectError::TimedOut) => panic!("waited for a dead listener"),
            Err(_) => {}
        }
    });
}

fn to_connection<'a>(pieces: impl Iterator<Item = &'a [u8]>, how: u8) {
    let (mut writer, socket) = UnixStream::pair().expect("a pair of sockets");
    let mut connection = python::Connection::try_from(OwnedFd::from(socket)).expect("a connection");
    if how & 1 == 0 {
        connection.set_max_message_len(1_000);
    }
    for piece in pieces {
        if writer.write_all(piece).is_err() {
            break;
        }
        while receive(&mut connection, how, Duration::ZERO) {}
    }
    drop(writer);
    while receive(&mut connection, how, DEADLINE) {}
}

/// Receives once; false if there is nothing more for now.
fn receive(connection: &mut python::Connection, how: u8, timeout: Duration) -> bool {
    let result = if how & 2 == 0 {
        connection.recv_bytes_timeout(timeout).map(drop)
    } else {
        connection.recv_bytes_into_timeout(&mut [0; 100], timeout).map(drop)
    };
    match result {
        Err(RecvError::TimedOut) if timeout == DEADLINE => panic!("waited for a dead writer"),
        Err(RecvError::Disconnected | RecvError::TimedOut) => false,
        Err(RecvError::Protocol(_) | RecvError::Io(_)) => false,
        _ => true,
    }
}
