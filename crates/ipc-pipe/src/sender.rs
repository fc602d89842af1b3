//! The half of a connection that values go into.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::net::Shutdown;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::deadline::Deadline;
use crate::end::{self, Direction};
use crate::error::SendError;
use crate::incoming::KEPT;
use crate::message::{encode_into, encode_plain};
use crate::sys;
use crate::transport::Transport;

/// The sending half of a connection.
///
/// A sender is a value itself: sent to another process, it goes on there, and the original still
/// works. Whoever shares a sender between processes has to see to it that only one sends at a time.
///
/// Dropping a sender closes it in this process. The receiver sees the end once it is closed in
/// every process that holds it, or has died; [`shutdown`](Sender::shutdown) ends it for all at
/// once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ipc_pipe::{SendError, pipe};
///
/// let (receiver, mut sender) = pipe::<Vec<u8>>()?;
/// sender.send(&vec![1, 2, 3])?;
/// sender.send_timeout(&vec![4, 5, 6], Duration::from_secs(1))?;
///
/// drop(receiver);
/// assert!(matches!(sender.send(&vec![]), Err(SendError::Disconnected)));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Sender<T = ()> {
    transport: Transport,
    /// Memory for encoding that outlives a message.
    scratch: Vec<u8>,
    value: PhantomData<fn(&T)>,
}

impl<T> Sender<T> {
    pub(crate) fn over(transport: Transport) -> Sender<T> {
        Sender { transport, scratch: Vec::new(), value: PhantomData }
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Sends bytes as one message, waiting until the kernel has taken all of them.
    ///
    /// They are copied by the kernel only. The other end takes them with
    /// [`recv_bytes`](crate::Receiver::recv_bytes); an empty message is one, too.
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] if the other end is closed or its process is dead.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.transport.send(bytes, &[], Deadline::NEVER)
    }

    /// As [`send_bytes`](Sender::send_bytes), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Sender::send_timeout).
    pub fn send_bytes_timeout(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), SendError> {
        self.transport.send(bytes, &[], Deadline::after(timeout))
    }

    /// As [`send_bytes`](Sender::send_bytes), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Sender::send_timeout).
    pub fn send_bytes_deadline(
        &mut self,
        bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), SendError> {
        self.transport.send(bytes, &[], Deadline::at(deadline))
    }

    /// As [`send_bytes`](Sender::send_bytes), without waiting.
    ///
    /// # Errors
    ///
    /// As [`try_send`](Sender::try_send).
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.transport.send(bytes, &[], Deadline::now())
    }

    /// Ends this direction for every process that holds this sender: the receiver gets what has
    /// been sent and then the end.
    ///
    /// # Errors
    ///
    /// When the other end is closed already.
    pub fn shutdown(self) -> io::Result<()> {
        sys::shut_down(self.as_fd(), Shutdown::Write)
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends a value, waiting until the kernel has taken all of it.
    ///
    /// That is not yet a sign that it has been received: a value sent just before the other process
    /// dies is lost. If *this* process dies in between, the receiver gets the whole value or an
    /// error.
    ///
    /// # Errors
    ///
    /// [`SendError::Encode`] if the value cannot be encoded, [`SendError::Disconnected`] if the
    /// other end is closed or its process is dead.
    pub fn send(&mut self, value: &T) -> Result<(), SendError> {
        self.send_within(value, Deadline::NEVER)
    }

    /// As [`send`](Sender::send), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`SendError::TimedOut`] if nothing of the message could be sent in time.
    /// [`SendError::TimedOutMidway`] if only a part could; as it cannot be taken back, this
    /// direction is then closed.
    pub fn send_timeout(&mut self, value: &T, timeout: Duration) -> Result<(), SendError> {
        self.send_within(value, Deadline::after(timeout))
    }

    /// As [`send`](Sender::send), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Sender::send_timeout).
    pub fn send_deadline(&mut self, value: &T, deadline: Instant) -> Result<(), SendError> {
        self.send_within(value, Deadline::at(deadline))
    }

    /// Sends a value if the kernel has room for it now.
    ///
    /// Meant for short messages: over a unix socket, up to 32 KiB are taken as a whole or not at
    /// all. A longer message that does not fit is [`SendError::TimedOutMidway`], which closes this
    /// direction.
    ///
    /// # Errors
    ///
    /// As [`send_timeout`](Sender::send_timeout).
    pub fn try_send(&mut self, value: &T) -> Result<(), SendError> {
        self.send_within(value, Deadline::now())
    }

    fn send_within(&mut self, value: &T, deadline: Deadline) -> Result<(), SendError> {
        let descriptors = self.encode(value)?;
        let result = self.transport.send(&self.scratch, &descriptors, deadline);
        if self.scratch.capacity() > KEPT {
            self.scratch = Vec::new();
        }
        result
    }

    /// Encodes `value` into the scratch memory.
    fn encode(&mut self, value: &T) -> Result<Vec<OwnedFd>, SendError> {
        self.scratch.clear();
        if self.transport.carries_descriptors() {
            return Ok(encode_into(value, &mut self.scratch)?);
        }
        encode_plain(value, &mut self.scratch)?;
        Ok(Vec::new())
    }
}

impl<T> AsFd for Sender<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}

impl<T> TryFrom<OwnedFd> for Sender<T> {
    type Error = io::Error;

    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        end::checked(socket).map(Sender::over)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl<T> Serialize for Sender<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        end::serialize(Direction::Sending, &self.transport, serializer)
    }
}

impl<'de, T> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        end::deserialize(Direction::Sending, deserializer).map(Sender::over)
    }
}
