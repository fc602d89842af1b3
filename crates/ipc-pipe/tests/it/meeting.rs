//! What tests of listeners and clients share: addresses of every family, and raw clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ipc_pipe::{AcceptError, Address, Connection, Listener};

/// Longer than anything takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn tcp() -> Address {
    Address::Tcp(([127, 0, 0, 1], 0).into())
}

pub(crate) fn tcp6() -> Option<Address> {
    let address = Address::Tcp((std::net::Ipv6Addr::LOCALHOST, 0).into());
    Listener::bind(&address).is_ok().then_some(address)
}

pub(crate) fn unix() -> Address {
    Address::temporary().unwrap()
}

/// A name in the abstract namespace that nobody else uses.
pub(crate) fn abstract_name() -> Address {
    let Address::Unix(path) = unix() else { unreachable!("a temporary address is a path") };
    Address::abstract_name(path.to_str().unwrap())
}

pub(crate) fn families() -> Vec<Address> {
    [Some(unix()), Some(abstract_name()), Some(tcp()), tcp6()].into_iter().flatten().collect()
}

/// A client that speaks no protocol.
#[derive(Debug)]
pub(crate) enum Raw {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Raw {
    pub(crate) fn connect(address: &Address) -> Raw {
        match address {
            Address::Unix(path) => Raw::Unix(UnixStream::connect(path).unwrap()),
            Address::Tcp(address) => Raw::Tcp(TcpStream::connect(address).unwrap()),
            Address::Abstract(_) => unreachable!("no test needs it"),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        match self {
            Raw::Unix(stream) => stream.write_all(bytes).unwrap(),
            Raw::Tcp(stream) => stream.write_all(bytes).unwrap(),
        }
    }

    /// What the other end sends, up to its end.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset after the last byte is an end, too.
        let _ = match self {
            Raw::Unix(stream) => stream.read_to_end(&mut bytes),
            Raw::Tcp(stream) => stream.read_to_end(&mut bytes),
        };
        bytes
    }

    pub(crate) fn read_exact(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        match self {
            Raw::Unix(stream) => stream.read_exact(&mut bytes).unwrap(),
            Raw::Tcp(stream) => stream.read_exact(&mut bytes).unwrap(),
        }
        bytes
    }
}

/// Accepts in this thread while `client` runs in another.
pub(crate) fn meet<T: Send>(
    listener: &mut Listener,
    client: impl FnOnce(&Address) -> T + Send,
) -> (Result<Connection, AcceptError>, T) {
    let address = listener.address().clone();
    std::thread::scope(|scope| {
        let client = scope.spawn(move || client(&address));
        let accepted = listener.accept_timeout(LONG);
        (accepted, client.join().unwrap())
    })
}
