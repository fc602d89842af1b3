//! Who is at the other end of a socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use crate::sys::net;

/// Who is at the other end of a connection that a listener accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Peer {
    /// A process of this machine. The kernel vouches for what stands here; it is how things were
    /// when the process connected.
    Local {
        /// Its process id; 0 if it lives in a pid namespace that is not visible from here. The
        /// process may have died since, and its number may have a new owner.
        pid: u32,
        /// Its effective user id.
        uid: u32,
    },
    /// A process somewhere on the network, at this address. Nobody vouches for that.
    Remote(SocketAddr),
}

impl Peer {
    /// Finds out who is at the other end of `socket`; `remote` is its address if it has one.
    pub(crate) fn of(socket: BorrowedFd<'_>, remote: Option<SocketAddr>) -> io::Result<Peer> {
        if let Some(address) = remote {
            return Ok(Peer::Remote(address));
        }
        let net::Credentials { pid, uid } = net::credentials(socket)?;
        Ok(Peer::Local { pid, uid })
    }

    /// The user of the peer if that is neither the user of this process nor root, who may do
    /// anything anyway.
    pub(crate) fn foreign_user(&self) -> Option<u32> {
        match *self {
            Peer::Local { uid, .. } => (uid != 0 && uid != net::effective_user()).then_some(uid),
            Peer::Remote(_) => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Local { pid, uid } => write!(formatter, "process {pid} of user {uid}"),
            Peer::Remote(address) => address.fmt(formatter),
        }
    }
}
