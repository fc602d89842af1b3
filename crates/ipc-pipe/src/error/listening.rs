//! What can go wrong while two processes find each other.

use std::fmt;
use std::io;

use crate::peer::Peer;

/// A listener has no connection to give.
///
/// Only [`Io`](AcceptError::Io) is about the listener. Every other error is about time or about one
/// client, after which the listener is as good as before: go on accepting.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptError {
    /// Nobody came, or finished the handshake, before the time given to the call was up.
    TimedOut,
    /// A client does not know the authkey, or someone in between changed what was said.
    Authentication {
        /// Who it was.
        peer: Peer,
    },
    /// A client came without an authkey where one is needed, or turned this listener away.
    Refused {
        /// Who it was.
        peer: Peer,
        /// Why, in words.
        why: &'static str,
    },
    /// A client belongs to another user.
    WrongUser {
        /// Who it was.
        peer: Peer,
        /// The user that the client belongs to.
        uid: u32,
    },
    /// A client did not finish the handshake in time.
    HandshakeTimedOut {
        /// Who it was.
        peer: Peer,
    },
    /// More clients than allowed were in the middle of the handshake; the oldest was dropped.
    Crowded {
        /// Who it was.
        peer: Peer,
    },
    /// A client left, or died, in the middle of the handshake.
    Disconnected {
        /// Who it was.
        peer: Peer,
    },
    /// A client speaks another protocol.
    Protocol {
        /// Who it was.
        peer: Peer,
        /// What was wrong, in words.
        what: &'static str,
    },
    /// The operating system refused, for instance because this process has no room for one more
    /// descriptor.
    Io(io::Error),
}

/// A client could not connect.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The time was up before the connection stood. The address may be that of a listener whose
    /// process does not accept.
    TimedOut,
    /// The listener does not know the authkey, or says that this client does not, or someone in
    /// between changed what was said.
    Authentication,
    /// The listener turned this client away, or does not use the authkey that this client wants.
    Refused(&'static str),
    /// The listener belongs to another user, who is not root.
    WrongUser {
        /// The user that the listener belongs to.
        uid: u32,
    },
    /// The listener closed the connection, or died, in the middle of the handshake.
    Disconnected,
    /// What listens there speaks another protocol.
    Protocol(&'static str),
    /// The operating system refused, for instance because nobody listens there.
    Io(io::Error),
}

/// What ends a handshake, at either end.
#[cfg_attr(not(feature = "authkey"), allow(dead_code, reason = "some are said with a key only"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    WrongKey,
    /// The peer uses no key where this end wants one.
    KeyMissing,
    /// The peer turned this end away.
    Refused(&'static str),
    WrongUser {
        uid: u32,
    },
    TimedOut,
    Disconnected,
    Protocol(&'static str),
}

impl Failure {
    /// The failure of a client, as the listener tells it.
    pub(crate) fn of_client(self, peer: Peer) -> AcceptError {
        match self {
            Failure::WrongKey => AcceptError::Authentication { peer },
            Failure::KeyMissing => AcceptError::Refused { peer, why: "it uses no authkey" },
            Failure::Refused(why) => AcceptError::Refused { peer, why },
            Failure::WrongUser { uid } => AcceptError::WrongUser { peer, uid },
            Failure::TimedOut => AcceptError::HandshakeTimedOut { peer },
            Failure::Disconnected => AcceptError::Disconnected { peer },
            Failure::Protocol(what) => AcceptError::Protocol { peer, what },
        }
    }
}

impl From<Failure> for ConnectError {
    fn from(failure: Failure) -> ConnectError {
        match failure {
            Failure::WrongKey => ConnectError::Authentication,
            Failure::KeyMissing => ConnectError::Refused("no authkey is in use here"),
            Failure::Refused(why) => ConnectError::Refused(why),
            Failure::WrongUser { uid } => ConnectError::WrongUser { uid },
            Failure::TimedOut => ConnectError::TimedOut,
            Failure::Disconnected => ConnectError::Disconnected,
            Failure::Protocol(what) => ConnectError::Protocol(what),
        }
    }
}

impl AcceptError {
    /// The client that this is about, if it is about one.
    pub fn peer(&self) -> Option<Peer> {
        match *self {
            AcceptError::TimedOut | AcceptError::Io(_) => None,
            AcceptError::Authentication { peer }
            | AcceptError::Refused { peer, .. }
            | AcceptError::WrongUser { peer, .. }
            | AcceptError::HandshakeTimedOut { peer }
            | AcceptError::Crowded { peer }
            | AcceptError::Disconnected { peer }
            | AcceptError::Protocol { peer, .. } => Some(peer),
        }
    }
}

impl fmt::Display for AcceptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcceptError::TimedOut => formatter.write_str("no client came in time"),
            AcceptError::Authentication { peer } => {
                write!(formatter, "{peer} does not know the authkey")
            }
            AcceptError::Refused { peer, why } => {
                write!(formatter, "no connection with {peer}: {why}")
            }
            AcceptError::WrongUser { peer, .. } => {
                write!(formatter, "{peer} is not allowed here; see any_uid to let every user in")
            }
            AcceptError::HandshakeTimedOut { peer } => {
                write!(formatter, "{peer} did not finish the handshake in time")
            }
            AcceptError::Crowded { peer } => {
                write!(formatter, "{peer} was dropped because too many handshakes are unfinished")
            }
            AcceptError::Disconnected { peer } => {
                write!(formatter, "{peer} left in the middle of the handshake")
            }
            AcceptError::Protocol { peer, what } => {
                write!(formatter, "{peer} speaks another protocol: {what}")
            }
            AcceptError::Io(error) => write!(formatter, "cannot accept: {error}"),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectError::TimedOut => formatter.write_str("the connection did not stand in time"),
            ConnectError::Authentication => {
                formatter.write_str("the authkey is not the same at both ends")
            }
            ConnectError::Refused(why) => write!(formatter, "the listener refused: {why}"),
            ConnectError::WrongUser { uid } => write!(
                formatter,
                "the listener belongs to user {uid}; see any_uid to talk to every user"
            ),
            ConnectError::Disconnected => {
                formatter.write_str("the listener left in the middle of the handshake")
            }
            ConnectError::Protocol(what) => {
                write!(formatter, "the listener speaks another protocol: {what}")
            }
            ConnectError::Io(error) => write!(formatter, "cannot connect: {error}"),
        }
    }
}

impl std::error::Error for AcceptError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let AcceptError::Io(error) = self { Some(error) } else { None }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let ConnectError::Io(error) = self { Some(error) } else { None }
    }
}

impl From<io::Error> for AcceptError {
    fn from(error: io::Error) -> AcceptError {
        AcceptError::Io(error)
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> ConnectError {
        match error.kind() {
            io::ErrorKind::TimedOut => ConnectError::TimedOut,
            _ => ConnectError::Io(error),
        }
    }
}

impl From<AcceptError> for io::Error {
    fn from(error: AcceptError) -> io::Error {
        let kind = match error {
            AcceptError::Io(error) => return error,
            AcceptError::TimedOut | AcceptError::HandshakeTimedOut { .. } => {
                io::ErrorKind::TimedOut
            }
            AcceptError::Authentication { .. } | AcceptError::WrongUser { .. } => {
                io::ErrorKind::PermissionDenied
            }
            AcceptError::Refused { .. } => io::ErrorKind::ConnectionRefused,
            AcceptError::Crowded { .. } | AcceptError::Disconnected { .. } => {
                io::ErrorKind::ConnectionAborted
            }
            AcceptError::Protocol { .. } => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> io::Error {
        let kind = match error {
            ConnectError::Io(error) => return error,
            ConnectError::TimedOut => io::ErrorKind::TimedOut,
            ConnectError::Authentication | ConnectError::WrongUser { .. } => {
                io::ErrorKind::PermissionDenied
            }
            ConnectError::Refused(_) => io::ErrorKind::ConnectionRefused,
            ConnectError::Disconnected => io::ErrorKind::ConnectionAborted,
            ConnectError::Protocol(_) => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
