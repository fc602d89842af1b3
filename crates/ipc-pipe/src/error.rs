//! What can go wrong on a connection, one small enum per direction.

mod listening;

use std::fmt;
use std::io;

pub(crate) use listening::Failure;
pub use listening::{AcceptError, ConnectError};

/// A value could not be turned into a message.
///
/// Either its `Serialize` refused, or it holds a descriptor and none could be duplicated or
/// carried.
#[derive(Debug)]
pub struct EncodeError(pub(crate) String);

/// A message could not be turned back into a value of the expected type.
///
/// The message has been consumed; the connection it came from is still good.
#[derive(Debug)]
pub struct DecodeError(pub(crate) String);

/// A value could not be sent.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The value could not be encoded; nothing was sent and the connection is still good.
    Encode(EncodeError),
    /// The other end is closed, or its process has died: nobody will read this.
    Disconnected,
    /// The time was up before the message was on its way; the connection is still good.
    TimedOut,
    /// The time was up in the middle of the message. What is on its way cannot be taken back, so
    /// this direction is closed: the reader gets [`RecvError::Truncated`].
    TimedOutMidway,
    /// This kind of connection carries no descriptors, and the value holds some.
    NoDescriptors,
    /// The operating system refused.
    Io(io::Error),
}

/// A value could not be received.
#[derive(Debug)]
#[non_exhaustive]
pub enum RecvError {
    /// The other end is closed, or its process has died, and everything it sent has been received.
    Disconnected,
    /// Nothing complete arrived in time; a message that has begun goes on with the next call.
    TimedOut,
    /// The writer ended or was killed in the middle of a message, which is lost.
    Truncated,
    /// The message is longer than this end accepts. It is skipped; the connection is still good.
    TooLong {
        /// Length of the message, in bytes.
        len: u64,
        /// The longest message accepted, in bytes.
        limit: u64,
    },
    /// The message is longer than the buffer that was to take it. Here it is; the connection is
    /// still good.
    BufferTooShort {
        /// The whole message.
        message: Vec<u8>,
    },
    /// The message does not decode to the expected type. The connection is still good.
    Decode(DecodeError),
    /// Descriptors sent with the message were lost, because this process has no room for more (see
    /// `RLIMIT_NOFILE`). The message is skipped; the connection is still good.
    DescriptorsLost,
    /// The bytes are not this protocol; nothing after them can be trusted, so the connection is
    /// closed for reading.
    Protocol(&'static str),
    /// The other end turned this one away, for the reason given.
    Refused(&'static str),
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot encode the value: {}", self.0)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot decode the message: {}", self.0)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Encode(error) => error.fmt(formatter),
            SendError::Disconnected => formatter.write_str("the other end is closed"),
            SendError::TimedOut => formatter.write_str("the message was not sent in time"),
            SendError::TimedOutMidway => {
                formatter.write_str("the time was up in the middle of a message; sending is closed")
            }
            SendError::NoDescriptors => formatter.write_str(
                "descriptors travel over unix sockets only, and not where these are encrypted",
            ),
            SendError::Io(error) => write!(formatter, "cannot send: {error}"),
        }
    }
}

impl fmt::Display for RecvError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvError::Disconnected => formatter.write_str("the other end is closed"),
            RecvError::TimedOut => formatter.write_str("no message arrived in time"),
            RecvError::Truncated => formatter.write_str("the writer ended within a message"),
            RecvError::TooLong { len, limit } => {
                write!(formatter, "message of {len} bytes exceeds the limit of {limit}")
            }
            RecvError::BufferTooShort { message } => {
                write!(formatter, "message of {} bytes does not fit the buffer", message.len())
            }
            RecvError::Decode(error) => error.fmt(formatter),
            RecvError::DescriptorsLost => formatter.write_str(
                "no room for the descriptors of a message; raise the limit of open files",
            ),
            RecvError::Protocol(what) => write!(formatter, "not a multiproc connection: {what}"),
            RecvError::Refused(why) => write!(formatter, "the other end refused: {why}"),
            RecvError::Io(error) => write!(formatter, "cannot receive: {error}"),
        }
    }
}

impl std::error::Error for EncodeError {}
impl std::error::Error for DecodeError {}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            SendError::Encode(error) => Some(error),
            SendError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl std::error::Error for RecvError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RecvError::Decode(error) => Some(error),
            RecvError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EncodeError> for SendError {
    fn from(error: EncodeError) -> Self {
        SendError::Encode(error)
    }
}

impl From<DecodeError> for RecvError {
    fn from(error: DecodeError) -> Self {
        RecvError::Decode(error)
    }
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => SendError::Disconnected,
            _ => SendError::Io(error),
        }
    }
}

impl From<io::Error> for RecvError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset => RecvError::Disconnected,
            _ => RecvError::Io(error),
        }
    }
}

impl From<SendError> for io::Error {
    fn from(error: SendError) -> Self {
        let kind = match error {
            SendError::Io(error) => return error,
            SendError::Encode(_) => io::ErrorKind::InvalidInput,
            SendError::NoDescriptors => io::ErrorKind::Unsupported,
            SendError::Disconnected => io::ErrorKind::BrokenPipe,
            SendError::TimedOut | SendError::TimedOutMidway => io::ErrorKind::TimedOut,
        };
        io::Error::new(kind, error)
    }
}

impl From<RecvError> for io::Error {
    fn from(error: RecvError) -> Self {
        let kind = match error {
            RecvError::Io(error) => return error,
            RecvError::Disconnected | RecvError::Truncated => io::ErrorKind::UnexpectedEof,
            RecvError::TimedOut => io::ErrorKind::TimedOut,
            RecvError::Refused(_) => io::ErrorKind::ConnectionRefused,
            RecvError::DescriptorsLost => io::ErrorKind::QuotaExceeded,
            RecvError::TooLong { .. }
            | RecvError::BufferTooShort { .. }
            | RecvError::Decode(_)
            | RecvError::Protocol(_) => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
