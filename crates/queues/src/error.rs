//! What can go wrong, one small enum for each kind of operation.

use std::error::Error;
use std::fmt;
use std::io;

use ipc_pipe::{DecodeError, EncodeError};
use ipc_shm::ShmError;
use sync_primitives::{LockError, Unsupported};

use crate::ring::Corrupt;

/// An item could not be put; here it is again.
pub struct PutError<T> {
    /// What was to be put. For many at once: those that have not been put, in their order.
    pub item: T,
    /// Why it could not.
    pub kind: PutErrorKind,
}

/// Why an item could not be put.
#[derive(Debug)]
#[non_exhaustive]
pub enum PutErrorKind {
    /// There is no room, and the caller did not want to wait.
    Full,
    /// There was no room in time.
    TimedOut,
    /// Somebody has [closed](crate::Queue::close) the queue.
    Closed,
    /// The last receiver of any process is gone: nobody will take this.
    Disconnected,
    /// Another producer has been in the middle of an operation for a second: its process is stopped,
    /// or it keeps a [reservation](crate::Reservation) open.
    Stalled,
    /// This thread has a [reservation](crate::Reservation) open in this queue.
    Reserved,
    /// The item could not be encoded. Nothing has been put, and the queue is as it was.
    Encode(EncodeError),
    /// The item holds more descriptors than one item can carry, 252.
    TooManyDescriptors,
    /// A reservation would be longer than an item in the ring can be, 16 MiB or half of a queue that
    /// is bounded by bytes. `put` and `put_bytes` know no such limit.
    TooLong,
    /// The system has no memory for the item. Nothing else is lost.
    OutOfMemory,
    /// This thread holds 64 locks already, as many as it can.
    TooManyHeld,
    /// This system cannot give back the lock of a thread that dies.
    Unsupported(Unsupported),
    /// The shared memory holds what no queue does: another process has written over it.
    Corrupt(&'static str),
    /// The operating system refused.
    Io(io::Error),
}

/// Of many items that were to be had, at least one could not.
pub struct GetManyError<T> {
    /// What could be had nonetheless.
    pub items: Vec<T>,
    /// What went wrong with another one, or altogether.
    pub error: GetError,
}

/// No item could be had.
#[derive(Debug)]
#[non_exhaustive]
pub enum GetError {
    /// There is none, and the caller did not want to wait.
    Empty,
    /// None came in time.
    TimedOut,
    /// There is none, and there will be none: the queue is closed, or the last sender of any process
    /// is gone.
    Disconnected,
    /// Another consumer has been in the middle of an operation for a second: its process is stopped.
    Stalled,
    /// The item is not an encoded `T`. It has been taken; the next one is not affected.
    Decode(DecodeError),
    /// The descriptors of the item are gone. It has been taken; the next one is not affected.
    DescriptorsLost,
    /// As many items as can be (120) are borrowed, leased, or not yet done.
    TooManyOut,
    /// This thread holds 64 locks, borrowed items and leases already, as many as it can.
    TooManyHeld,
    /// This system cannot give back the lock of a thread that dies.
    Unsupported(Unsupported),
    /// The shared memory holds what no queue does: another process has written over it.
    Corrupt(&'static str),
    /// The operating system refused.
    Io(io::Error),
}

impl<T> PutError<T> {
    pub(crate) fn new(item: T, kind: PutErrorKind) -> PutError<T> {
        PutError { item, kind }
    }

    /// What was to be put.
    pub fn into_item(self) -> T {
        self.item
    }

    /// True if it was only that there was no room, at once or in time.
    pub fn is_full(&self) -> bool {
        matches!(self.kind, PutErrorKind::Full | PutErrorKind::TimedOut)
    }
}

impl GetError {
    /// True if it was only that there was no item, at once or in time.
    pub fn is_empty(&self) -> bool {
        matches!(self, GetError::Empty | GetError::TimedOut)
    }

    /// True if the error concerns one item only, and the next call goes on with the next one.
    pub fn is_about_item(&self) -> bool {
        matches!(self, GetError::Decode(_) | GetError::DescriptorsLost)
    }
}

/// The error of a lock, without the guard.
macro_rules! from_lock_error {
    ($($error:ident: $own:expr;)*) => {$(
        impl<G> From<LockError<G>> for $error {
            fn from(error: LockError<G>) -> Self {
                match error {
                    LockError::TimedOut | LockError::WouldBlock => $error::Stalled,
                    LockError::Deadlock => $own,
                    LockError::TooManyHeld => $error::TooManyHeld,
                    LockError::Unsupported(why) => $error::Unsupported(why),
                    _ => $error::Corrupt("a lock holds what no lock does"),
                }
            }
        }

        impl From<Corrupt> for $error {
            fn from(Corrupt(what): Corrupt) -> Self {
                $error::Corrupt(what)
            }
        }

        impl From<io::Error> for $error {
            fn from(error: io::Error) -> Self {
                $error::Io(error)
            }
        }
    )*};
}

from_lock_error! {
    PutErrorKind: PutErrorKind::Reserved;
    GetError: GetError::Stalled;
}

impl From<EncodeError> for PutErrorKind {
    fn from(error: EncodeError) -> Self {
        PutErrorKind::Encode(error)
    }
}

impl From<ShmError> for PutErrorKind {
    fn from(error: ShmError) -> Self {
        match error {
            ShmError::OutOfMemory { .. } | ShmError::TooLarge => PutErrorKind::OutOfMemory,
            error => PutErrorKind::Io(error.into()),
        }
    }
}

impl From<DecodeError> for GetError {
    fn from(error: DecodeError) -> Self {
        GetError::Decode(error)
    }
}

impl fmt::Display for PutErrorKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use PutErrorKind as K;
        match self {
            K::Full => formatter.write_str("the queue is full"),
            K::TimedOut => formatter.write_str("the queue was full until the time was up"),
            K::Closed => formatter.write_str("the queue is closed"),
            K::Disconnected => formatter.write_str("the last receiver of the queue is gone"),
            K::Stalled => formatter.write_str(
                "another producer does not finish; is its process stopped, or a reservation open?",
            ),
            K::Reserved => {
                formatter.write_str("this thread has a reservation open; commit or drop it first")
            }
            K::Encode(error) => write!(formatter, "the item cannot be encoded: {error}"),
            K::TooManyDescriptors => formatter
                .write_str("the item holds more than 252 descriptors; send fewer at a time"),
            K::TooLong => formatter.write_str("the reservation is longer than an item in the ring"),
            K::OutOfMemory => formatter.write_str("no memory for the item"),
            K::TooManyHeld => formatter.write_str("this thread holds 64 locks already"),
            K::Unsupported(why) => write!(formatter, "no robust locks: {why}"),
            K::Corrupt(what) => write!(formatter, "the queue's memory is corrupt: {what}"),
            K::Io(error) => error.fmt(formatter),
        }
    }
}

impl fmt::Display for GetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GetError::Empty => formatter.write_str("the queue is empty"),
            GetError::TimedOut => formatter.write_str("the queue was empty until the time was up"),
            GetError::Disconnected => {
                formatter.write_str("the queue is drained, and closed or without a sender")
            }
            GetError::Stalled => {
                formatter.write_str("another consumer does not finish; is its process stopped?")
            }
            GetError::Decode(error) => write!(formatter, "the item cannot be decoded: {error}"),
            GetError::DescriptorsLost => formatter.write_str("the item's descriptors are gone"),
            GetError::TooManyOut => {
                formatter.write_str("120 items are borrowed, leased or not done; finish some first")
            }
            GetError::TooManyHeld => formatter.write_str("this thread holds 64 locks already"),
            GetError::Unsupported(why) => write!(formatter, "no robust locks: {why}"),
            GetError::Corrupt(what) => write!(formatter, "the queue's memory is corrupt: {what}"),
            GetError::Io(error) => error.fmt(formatter),
        }
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(formatter)
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PutError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<T> Error for PutError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            PutErrorKind::Encode(error) => Some(error),
            PutErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl Error for GetError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            GetError::Decode(error) => Some(error),
            GetError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl<T> fmt::Display for GetManyError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(formatter)
    }
}

impl<T> fmt::Debug for GetManyError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("GetManyError");
        debug.field("items", &self.items.len()).field("error", &self.error).finish()
    }
}

impl<T> Error for GetManyError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl<T> From<GetManyError<T>> for io::Error {
    fn from(error: GetManyError<T>) -> Self {
        error.error.into()
    }
}

impl<T> From<PutError<T>> for io::Error {
    fn from(error: PutError<T>) -> Self {
        use PutErrorKind as K;
        use io::ErrorKind as E;
        let kind = match error.kind {
            K::Io(error) => return error,
            K::Full | K::Stalled => E::WouldBlock,
            K::TimedOut => E::TimedOut,
            K::Closed | K::Disconnected => E::BrokenPipe,
            K::Encode(_) | K::TooManyDescriptors | K::TooLong => E::InvalidInput,
            K::OutOfMemory => E::OutOfMemory,
            K::Corrupt(_) => E::InvalidData,
            K::Unsupported(_) => E::Unsupported,
            K::Reserved | K::TooManyHeld => E::Other,
        };
        io::Error::new(kind, error.kind.to_string())
    }
}

impl From<GetError> for io::Error {
    fn from(error: GetError) -> Self {
        use io::ErrorKind as E;
        let kind = match error {
            GetError::Io(error) => return error,
            GetError::Empty | GetError::Stalled => E::WouldBlock,
            GetError::TimedOut => E::TimedOut,
            GetError::Disconnected => E::UnexpectedEof,
            GetError::Decode(_) | GetError::DescriptorsLost | GetError::Corrupt(_) => {
                E::InvalidData
            }
            GetError::Unsupported(_) => E::Unsupported,
            GetError::TooManyOut | GetError::TooManyHeld => E::Other,
        };
        io::Error::new(kind, error.to_string())
    }
}
