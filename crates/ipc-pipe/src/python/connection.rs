//! A connection in CPython's framing.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::incoming::Incoming;
use super::length_prefix;
use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::options::MAX_MESSAGE_LEN;
use crate::stream::Stream;
use crate::sys;

/// A two-way connection that carries messages of bytes, as `multiprocessing.connection.Connection`
/// in Python.
///
/// Made by [`Listener`](super::Listener) and [`Client`](super::Client), or from the socket of a
/// pair whose other end a Python process holds (`multiprocessing.connection.Connection(fd)`).
///
/// # Examples
///
/// ```
/// use std::os::fd::OwnedFd;
/// use std::os::unix::net::UnixStream;
/// use ipc_pipe::python::Connection;
///
/// let (here, there) = UnixStream::pair()?;
/// let mut here = Connection::try_from(OwnedFd::from(here))?;
/// let mut there = Connection::try_from(OwnedFd::from(there))?;
/// here.send_bytes(b"hello")?;
/// assert_eq!(there.recv_bytes()?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    incoming: Incoming,
}

impl Connection {
    pub(super) fn over(socket: OwnedFd, max_message_len: u64) -> Connection {
        Connection { stream: Stream::new(socket), incoming: Incoming::new(max_message_len) }
    }

    /// Refuses messages of more than `limit` bytes from now on. Default: 64 MiB.
    ///
    /// A longer one is skipped, and the call that meets it returns [`RecvError::TooLong`]. The
    /// connection is still good, unlike in Python.
    pub fn set_max_message_len(&mut self, limit: u64) {
        self.incoming.set_limit(limit);
    }

    /// Waits until a message has begun or the end is there; false if `timeout` passes first
    /// (`None`: waits as long as it takes).
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    pub fn poll(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        if self.incoming.has_begun() {
            return Ok(true);
        }
        sys::wait_readable(self.as_fd(), timeout.map_or(Deadline::NEVER, Deadline::after))
    }

    /// Sends bytes as one message, waiting until the kernel has taken all of them.
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] if the other end is closed or its process is dead.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_within(bytes, Deadline::NEVER)
    }

    /// As [`send_bytes`](Connection::send_bytes), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`SendError::TimedOut`] if nothing of the message could be sent in time;
    /// [`SendError::TimedOutMidway`] if a part could, after which sending is closed.
    pub fn send_bytes_timeout(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), SendError> {
        self.send_within(bytes, Deadline::after(timeout))
    }

    /// As [`send_bytes`](Connection::send_bytes), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_bytes_timeout`](Connection::send_bytes_timeout).
    pub fn send_bytes_deadline(
        &mut self,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), SendError> {
        self.send_within(bytes, Deadline::at(deadline))
    }

    /// As [`send_bytes`](Connection::send_bytes), without waiting.
    ///
    /// # Errors
    ///
    /// As [`send_bytes_timeout`](Connection::send_bytes_timeout).
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_within(bytes, Deadline::now())
    }

    /// Receives the bytes of one message.
    ///
    /// # Errors
    ///
    /// [`RecvError::Disconnected`] if the other end is closed or dead, [`RecvError::Truncated`] if
    /// it died within the message, [`RecvError::TooLong`] if the message is longer than the limit,
    /// [`RecvError::Protocol`] if these are not CPython's frames.
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.recv_within(Deadline::NEVER)
    }

    /// As [`recv_bytes`](Connection::recv_bytes), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`RecvError::TimedOut`] if the message is not complete in time; the next call goes on with
    /// it.
    pub fn recv_bytes_timeout(&mut self, timeout: Duration) -> Result<Vec<u8>, RecvError> {
        self.recv_within(Deadline::after(timeout))
    }

    /// As [`recv_bytes`](Connection::recv_bytes), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_timeout`](Connection::recv_bytes_timeout).
    pub fn recv_bytes_deadline(&mut self, deadline: Instant) -> Result<Vec<u8>, RecvError> {
        self.recv_within(Deadline::at(deadline))
    }

    /// As [`recv_bytes`](Connection::recv_bytes), without waiting.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_timeout`](Connection::recv_bytes_timeout).
    pub fn try_recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.recv_within(Deadline::now())
    }

    /// Receives one message into the beginning of `buffer` and returns its length. Memory of the
    /// connection is used again for each message.
    ///
    /// # Errors
    ///
    /// [`RecvError::BufferTooShort`] with the whole message if it does not fit; the connection is
    /// still good. Otherwise as [`recv_bytes`](Connection::recv_bytes).
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.recv_into_within(buffer, Deadline::NEVER)
    }

    /// As [`recv_bytes_into`](Connection::recv_bytes_into), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As there, and [`RecvError::TimedOut`] if the message is not complete in time.
    pub fn recv_bytes_into_timeout(
        &mut self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, RecvError> {
        self.recv_into_within(buffer, Deadline::after(timeout))
    }

    /// As [`recv_bytes_into`](Connection::recv_bytes_into), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_into_timeout`](Connection::recv_bytes_into_timeout).
    pub fn recv_bytes_into_deadline(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<usize, RecvError> {
        self.recv_into_within(buffer, Deadline::at(deadline))
    }

    fn send_within(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), SendError> {
        let (prefix, prefix_len) = length_prefix(bytes.len());
        let mut parts = [IoSlice::new(&prefix[..prefix_len]), IoSlice::new(bytes)];
        self.stream.write(&mut parts, &[], deadline)
    }

    fn recv_within(&mut self, deadline: Deadline) -> Result<Vec<u8>, RecvError> {
        self.incoming.receive(&self.stream, deadline)?;
        Ok(self.incoming.take_bytes())
    }

    fn recv_into_within(
        &mut self,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<usize, RecvError> {
        self.incoming.receive(&self.stream, deadline)?;
        let len = self.incoming.bytes().len();
        let Some(place) = buffer.get_mut(..len) else {
            return Err(RecvError::BufferTooShort { message: self.incoming.take_bytes() });
        };
        place.copy_from_slice(self.incoming.bytes());
        self.incoming.recycle();
        Ok(len)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl TryFrom<OwnedFd> for Connection {
    type Error = io::Error;

    fn try_from(socket: OwnedFd) -> io::Result<Connection> {
        if sys::is_stream_socket(socket.as_fd()) {
            return Ok(Connection::over(socket, MAX_MESSAGE_LEN));
        }
        let why = "the descriptor is not a connected stream socket";
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }
}
