//! Ends of connections as values that travel to other processes.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::handle::Handle;
use crate::stream::Stream;
use crate::sys;
use crate::transport::Transport;

/// Which way values go at an end; it travels along, so that a sender cannot arrive as a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Direction {
    Sending,
    Receiving,
    Both,
}

/// What travels.
#[derive(Serialize, Deserialize)]
struct End<H> {
    direction: Direction,
    socket: H,
}

pub(crate) fn serialize<S: Serializer>(
    direction: Direction,
    transport: &Transport,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    use serde::ser::Error;

    let stream = transport.as_plain().ok_or_else(|| {
        S::Error::custom("an encrypted connection belongs to its process and cannot be sent")
    })?;
    End { direction, socket: Handle(Lent(stream)) }.serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    direction: Direction,
    deserializer: D,
) -> Result<Transport, D::Error> {
    use serde::de::Error;

    let end = End::<Handle>::deserialize(deserializer)?;
    if end.direction != direction {
        let sent = end.direction;
        return Err(D::Error::custom(format_args!(
            "an end for {direction:?} was expected, but one for {sent:?} was sent"
        )));
    }
    checked(end.socket.into_inner()).map_err(D::Error::custom)
}

/// A transport over `socket`, if that is what it takes.
pub(crate) fn checked(socket: OwnedFd) -> io::Result<Transport> {
    if sys::is_stream_socket(socket.as_fd()) {
        return Ok(Transport::plain(socket));
    }
    let why = "the descriptor is not a connected stream socket";
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Lets a handle borrow the stream.
struct Lent<'a>(&'a Arc<Stream>);

impl AsFd for Lent<'_> {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
