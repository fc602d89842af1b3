//! The half of a connection that values come out of.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::deadline::Deadline;
use crate::end::{self, Direction};
use crate::error::RecvError;
use crate::incoming::Incoming;
use crate::message::decode;
use crate::sys;
use crate::transport::Transport;
use crate::values::Values;

/// The receiving half of a connection.
///
/// A receiver is a value itself: sent to another process between two messages, it goes on there,
/// and the original still works. Each message goes to the one that takes it first.
///
/// Time running out loses nothing: a message that has begun goes on with the next call.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ipc_pipe::{RecvError, pipe};
///
/// let (mut receiver, mut sender) = pipe::<Vec<u8>>()?;
/// assert!(matches!(receiver.try_recv(), Err(RecvError::TimedOut)));
///
/// sender.send(&vec![1, 2, 3])?;
/// sender.send(&vec![])?;
/// drop(sender);
/// assert_eq!(receiver.recv_timeout(Duration::from_secs(1))?, [1, 2, 3]);
/// for value in receiver {
///     assert_eq!(value?, []);
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Receiver<T = ()> {
    transport: Transport,
    incoming: Incoming,
    value: PhantomData<fn() -> T>,
}

impl<T> Receiver<T> {
    pub(crate) fn over(transport: Transport) -> Receiver<T> {
        Receiver { transport, incoming: Incoming::new(), value: PhantomData }
    }

    /// Refuses messages of more than `limit` bytes from now on; without this, any length is
    /// accepted.
    ///
    /// A longer one is skipped, which costs time but no memory, and the call that meets it returns
    /// [`RecvError::TooLong`]. The connection is still good.
    ///
    /// The limit stays with this value: it is not sent along to another process.
    ///
    /// # Examples
    ///
    /// ```
    /// let (mut receiver, mut sender) = ipc_pipe::pipe::<String>()?;
    /// receiver.set_max_message_len(10);
    /// sender.send(&"more than ten bytes".into())?;
    /// sender.send(&"less".into())?;
    /// assert!(matches!(receiver.recv(), Err(ipc_pipe::RecvError::TooLong { limit: 10, .. })));
    /// assert_eq!(receiver.recv()?, "less");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_max_message_len(&mut self, limit: u64) {
        self.incoming.set_limit(limit);
    }

    /// Waits until a message has begun or the end is there; false if `timeout` passes first
    /// (`None`: waits as long as it takes).
    ///
    /// It takes nothing, so it can be repeated, and the message may be received by another process.
    /// True does not mean that the message is complete: give the receiving call a deadline if the
    /// writer may stall.
    ///
    /// # Errors
    ///
    /// When the operating system refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (mut receiver, mut sender) = ipc_pipe::pipe::<()>()?;
    /// assert!(!receiver.poll(Some(Duration::ZERO))?);
    /// sender.send_bytes(b"")?;
    /// assert!(receiver.poll(None)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        if self.incoming.has_begun() {
            return Ok(true);
        }
        sys::wait_readable(self.as_fd(), timeout.map_or(Deadline::NEVER, Deadline::after))
    }

    /// Receives the bytes of one message.
    ///
    /// # Errors
    ///
    /// Every [`RecvError`] but `TimedOut` and `Decode`. If the writer dies, what it has sent can
    /// still be received, and then the error is [`RecvError::Truncated`] or
    /// [`RecvError::Disconnected`].
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.recv_bytes_within(Deadline::NEVER)
    }

    /// As [`recv_bytes`](Receiver::recv_bytes), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`RecvError::TimedOut`] if the message is not complete in time; the next call goes on with
    /// it.
    pub fn recv_bytes_timeout(&mut self, timeout: Duration) -> Result<Vec<u8>, RecvError> {
        self.recv_bytes_within(Deadline::after(timeout))
    }

    /// As [`recv_bytes`](Receiver::recv_bytes), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_timeout`](Receiver::recv_bytes_timeout).
    pub fn recv_bytes_deadline(&mut self, deadline: Instant) -> Result<Vec<u8>, RecvError> {
        self.recv_bytes_within(Deadline::at(deadline))
    }

    /// As [`recv_bytes`](Receiver::recv_bytes), without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Receiver::try_recv).
    pub fn try_recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.recv_bytes_within(Deadline::now())
    }

    /// Receives one message into the beginning of `buffer` and returns its length.
    ///
    /// The bytes are copied by the kernel only.
    ///
    /// # Errors
    ///
    /// [`RecvError::BufferTooShort`] with the whole message if it does not fit; the connection is
    /// still good. Otherwise as [`recv_bytes`](Receiver::recv_bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::{RecvError, pipe};
    ///
    /// let (mut receiver, mut sender) = pipe::<()>()?;
    /// let mut buffer = [0; 4];
    /// sender.send_bytes(b"four")?;
    /// assert_eq!(receiver.recv_bytes_into(&mut buffer)?, 4);
    ///
    /// sender.send_bytes(b"more than four")?;
    /// match receiver.recv_bytes_into(&mut buffer) {
    ///     Err(RecvError::BufferTooShort { message }) => assert_eq!(message, b"more than four"),
    ///     other => panic!("{other:?}"),
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.transport.receive_into(&mut self.incoming, buffer, Deadline::NEVER)
    }

    /// As [`recv_bytes_into`](Receiver::recv_bytes_into), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As there, and [`RecvError::TimedOut`] if the message is not complete in time; the next call
    /// goes on with it, whatever buffer it is given.
    pub fn recv_bytes_into_timeout(
        &mut self,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> Result<usize, RecvError> {
        self.transport.receive_into(&mut self.incoming, buffer, Deadline::after(timeout))
    }

    /// As [`recv_bytes_into`](Receiver::recv_bytes_into), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_into_timeout`](Receiver::recv_bytes_into_timeout).
    pub fn recv_bytes_into_deadline(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<usize, RecvError> {
        self.transport.receive_into(&mut self.incoming, buffer, Deadline::at(deadline))
    }

    /// As [`recv_bytes_into`](Receiver::recv_bytes_into), without waiting.
    ///
    /// # Errors
    ///
    /// As [`recv_bytes_into_timeout`](Receiver::recv_bytes_into_timeout).
    pub fn try_recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.transport.receive_into(&mut self.incoming, buffer, Deadline::now())
    }

    fn recv_bytes_within(&mut self, deadline: Deadline) -> Result<Vec<u8>, RecvError> {
        self.transport.receive(&mut self.incoming, deadline)?;
        Ok(self.incoming.take_bytes())
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// Receives a value.
    ///
    /// # Errors
    ///
    /// Every [`RecvError`] but `TimedOut`. If the writer dies, what it has sent can still be
    /// received, and then the error is [`RecvError::Truncated`] if it died within a message, and
    /// [`RecvError::Disconnected`].
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_within(Deadline::NEVER)
    }

    /// As [`recv`](Receiver::recv), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`RecvError::TimedOut`] if the message is not complete in time; the next call goes on with
    /// it.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<T, RecvError> {
        self.recv_within(Deadline::after(timeout))
    }

    /// As [`recv`](Receiver::recv), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`recv_timeout`](Receiver::recv_timeout).
    pub fn recv_deadline(&mut self, deadline: Instant) -> Result<T, RecvError> {
        self.recv_within(Deadline::at(deadline))
    }

    /// Receives a value if all of it has arrived.
    ///
    /// # Errors
    ///
    /// [`RecvError::TimedOut`] if it has not; the next call goes on with it.
    pub fn try_recv(&mut self) -> Result<T, RecvError> {
        self.recv_within(Deadline::now())
    }

    /// The values as they arrive, up to the end; see [`Values`].
    pub fn iter(&mut self) -> Values<&mut Receiver<T>> {
        Values::of(self)
    }

    /// The next value and whether it is the last thing that can be received.
    pub(crate) fn next_or_last(&mut self) -> (Result<T, RecvError>, bool) {
        let item = self.recv();
        let ended = matches!(item, Err(RecvError::Disconnected | RecvError::Io(_)));
        (item, ended || self.incoming.is_broken())
    }

    fn recv_within(&mut self, deadline: Deadline) -> Result<T, RecvError> {
        let descriptors = self.transport.receive(&mut self.incoming, deadline)?;
        let value = decode(self.incoming.bytes(), descriptors);
        self.incoming.recycle();
        Ok(value?)
    }
}

impl<T> AsFd for Receiver<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}

impl<T> TryFrom<OwnedFd> for Receiver<T> {
    type Error = io::Error;

    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        end::checked(socket).map(Receiver::over)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Receiver")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl<T> Receiver<T> {
    /// Sends this end along, as part of a value or of a connection.
    pub(crate) fn serialize_as<S: Serializer>(
        &self,
        direction: Direction,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;

        if self.incoming.has_begun() {
            return Err(S::Error::custom(
                "a connection cannot be sent while a message is half received",
            ));
        }
        end::serialize(direction, &self.transport, serializer)
    }
}

impl<T> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_as(Direction::Receiving, serializer)
    }
}

impl<'de, T> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        end::deserialize(Direction::Receiving, deserializer).map(Receiver::over)
    }
}
