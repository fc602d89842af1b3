//! Both halves of a connection over one socket.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::end::{self, Direction};
use crate::error::{RecvError, SendError};
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::transport::Transport;
use crate::values::Values;

/// A two-way connection that sends values of type `S` and receives values of type `R`.
///
/// It has the methods of [`Sender`] and of [`Receiver`], and can be [split](Connection::split) into
/// them, so that one thread sends while another receives. `Connection` without types is for bytes.
///
/// A connection is a value itself: sent to another process between two messages, it goes on there.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Connection, duplex};
///
/// fn square(mut connection: Connection<u64>) -> std::io::Result<()> {
///     while connection.poll(None)? {
///         let number = connection.recv()?;
///         connection.send(&(number * number))?;
///     }
///     Ok(())
/// }
///
/// let (mut here, there) = duplex()?;
/// let thread = std::thread::spawn(move || square(there));
/// here.send(&12)?;
/// assert_eq!(here.recv()?, 144);
/// drop(here);
/// let end = thread.join().unwrap().unwrap_err();
/// assert_eq!(end.kind(), std::io::ErrorKind::UnexpectedEof);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Connection<S = (), R = S> {
    sender: Sender<S>,
    receiver: Receiver<R>,
}

impl<S, R> Connection<S, R> {
    pub(crate) fn over(transport: Transport) -> Self {
        let other = transport.other_half();
        Connection { sender: Sender::over(transport), receiver: Receiver::over(other) }
    }

    /// The two halves, over the same socket. The other end sees the end when both are closed.
    ///
    /// # Examples
    ///
    /// ```
    /// let (here, mut there) = ipc_pipe::duplex::<u8, u8>()?;
    /// let (mut sender, mut receiver) = here.split();
    /// let thread = std::thread::spawn(move || receiver.recv());
    /// sender.send(&1)?;
    /// there.send(&2)?;
    /// assert_eq!(thread.join().unwrap()?, 2);
    /// assert_eq!(there.recv()?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn split(self) -> (Sender<S>, Receiver<R>) {
        (self.sender, self.receiver)
    }
}

/// Methods of a half, under the same name.
macro_rules! delegate {
    ($half:ident as $Half:ident: $(
        fn $name:ident(&mut self $(, $arg:ident: $type:ty)*) -> $result:ty;
    )*) => {$(
        #[doc = concat!("See [`", stringify!($Half), "::", stringify!($name), "`].")]
        ///
        /// # Errors
        ///
        /// As there.
        pub fn $name(&mut self $(, $arg: $type)*) -> $result {
            self.$half.$name($($arg),*)
        }
    )*};
}

impl<S: Serialize, R> Connection<S, R> {
    delegate! { sender as Sender:
        fn send(&mut self, value: &S) -> Result<(), SendError>;
        fn send_timeout(&mut self, value: &S, timeout: Duration) -> Result<(), SendError>;
        fn send_deadline(&mut self, value: &S, deadline: Instant) -> Result<(), SendError>;
        fn try_send(&mut self, value: &S) -> Result<(), SendError>;
    }
}

impl<S, R: DeserializeOwned> Connection<S, R> {
    delegate! { receiver as Receiver:
        fn recv(&mut self) -> Result<R, RecvError>;
        fn recv_timeout(&mut self, timeout: Duration) -> Result<R, RecvError>;
        fn recv_deadline(&mut self, deadline: Instant) -> Result<R, RecvError>;
        fn try_recv(&mut self) -> Result<R, RecvError>;
    }

    /// The values as they arrive, up to the end; see [`Values`].
    pub fn iter(&mut self) -> Values<&mut Receiver<R>> {
        self.receiver.iter()
    }
}

impl<S, R> Connection<S, R> {
    delegate! { sender as Sender:
        fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError>;
        fn send_bytes_timeout(&mut self, bytes: &[u8], timeout: Duration) -> Result<(), SendError>;
        fn send_bytes_deadline(&mut self, bytes: &[u8], deadline: Instant) -> Result<(), SendError>;
        fn try_send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError>;
    }

    delegate! { receiver as Receiver:
        fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError>;
        fn recv_bytes_timeout(&mut self, timeout: Duration) -> Result<Vec<u8>, RecvError>;
        fn recv_bytes_deadline(&mut self, deadline: Instant) -> Result<Vec<u8>, RecvError>;
        fn try_recv_bytes(&mut self) -> Result<Vec<u8>, RecvError>;
        fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError>;
        fn recv_bytes_into_timeout(
            &mut self, buffer: &mut [u8], timeout: Duration
        ) -> Result<usize, RecvError>;
        fn recv_bytes_into_deadline(
            &mut self, buffer: &mut [u8], deadline: Instant
        ) -> Result<usize, RecvError>;
        fn try_recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError>;
        fn poll(&mut self, timeout: Option<Duration>) -> io::Result<bool>;
    }

    /// See [`Receiver::set_max_message_len`].
    pub fn set_max_message_len(&mut self, limit: u64) {
        self.receiver.set_max_message_len(limit);
    }
}

impl<S, R> AsFd for Connection<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

impl<S, R> TryFrom<OwnedFd> for Connection<S, R> {
    type Error = io::Error;

    fn try_from(socket: OwnedFd) -> io::Result<Self> {
        end::checked(socket).map(Connection::over)
    }
}

impl<S, R> fmt::Debug for Connection<S, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = self.sender.transport();
        formatter.debug_struct("Connection").field("transport", transport).finish_non_exhaustive()
    }
}

impl<S, R> Serialize for Connection<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.receiver.serialize_as(Direction::Both, serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for Connection<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        end::deserialize(Direction::Both, deserializer).map(Connection::over)
    }
}
