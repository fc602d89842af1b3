//! What can go wrong, one small enum for each kind of operation.

use std::error::Error;
use std::fmt;
use std::io;

#[cfg(not(loom))]
use crate::array::{ArrayGuard, Element};
use crate::condvar::WaitTimeoutResult;
use crate::mutex::MutexGuard;
use crate::reentrant::ReentrantMutexGuard;
use crate::robust::Refused;
use crate::rwlock::{ReadGuard, WriteGuard};

/// A lock could not be had, or could, but what it protects may be damaged.
///
/// The first two variants hold the lock: `G` is the guard, and [`into_guard`](LockError::into_guard)
/// gives it. A `?` that turns this into an [`io::Error`] or a boxed error lets go of the lock.
#[non_exhaustive]
pub enum LockError<G> {
    /// A holder died, and nobody has repaired what it may have left half changed. Here is the lock.
    ///
    /// Every further locker is told the same until one calls `mark_consistent` on its guard.
    OwnerDied(G),
    /// A holder panicked, as in [`std::sync::PoisonError`]. Here is the lock.
    Poisoned(G),
    /// Somebody else holds the lock, and the caller did not want to wait.
    WouldBlock,
    /// The lock was not free in time.
    TimedOut,
    /// This thread holds the lock already; waiting for itself would never end.
    Deadlock,
    /// This thread holds 64 locks already, as many as it can.
    TooManyHeld,
    /// The lock's memory holds what no lock ever does: another process has written over it.
    Corrupt,
    /// This system cannot give back the lock of a thread that dies.
    Unsupported(Unsupported),
}

/// A permit of a [`BoundedSemaphore`](crate::BoundedSemaphore) could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcquireError {
    /// All permits are taken, and the caller did not want to wait.
    WouldBlock,
    /// No permit was free in time.
    TimedOut,
    /// This thread holds 64 locks and permits already, as many as it can.
    TooManyHeld,
    /// The semaphore's memory holds what it never does: another process has written over it.
    Corrupt,
    /// This system cannot give back the permit of a thread that dies.
    Unsupported(Unsupported),
}

/// A lock or permit was to be given back by a thread that does not hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHeld;

/// One release too many: the count would exceed what it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyReleases;

/// A number of parties, permits or arrivals that no primitive can have, or of words that no wait can
/// name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidCount {
    /// What was asked for.
    pub count: u64,
    /// The least there can be.
    pub least: u64,
    /// The most there can be.
    pub most: u64,
}

/// Why this system cannot give back what a thread held when it died.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Unsupported(&'static str);

impl Unsupported {
    pub(crate) const NO_LIST: Unsupported = Unsupported(
        "the kernel keeps no robust list for this thread (seccomp, an emulator, or a thread that \
         the C library does not know)",
    );
    pub(crate) const OTHER_LAYOUT: Unsupported =
        Unsupported("the C library lays its robust mutexes out differently from glibc");
    pub(crate) const NO_MARK: Unsupported =
        Unsupported("the kernel does not mark the lock of a thread that ends");
    pub(crate) const NO_WIPED_PAGE: Unsupported =
        Unsupported("the kernel has no memory that forks wipe (Linux 4.14)");
}

impl<G> LockError<G> {
    /// The guard, if the lock was had after all: its holder died or panicked.
    pub fn into_guard(self) -> Option<G> {
        match self {
            LockError::OwnerDied(guard) | LockError::Poisoned(guard) => Some(guard),
            _ => None,
        }
    }

    /// The same error around another guard.
    pub(crate) fn map<H>(self, change: impl FnOnce(G) -> H) -> LockError<H> {
        match self {
            LockError::OwnerDied(guard) => LockError::OwnerDied(change(guard)),
            LockError::Poisoned(guard) => LockError::Poisoned(change(guard)),
            LockError::WouldBlock => LockError::WouldBlock,
            LockError::TimedOut => LockError::TimedOut,
            LockError::Deadlock => LockError::Deadlock,
            LockError::TooManyHeld => LockError::TooManyHeld,
            LockError::Corrupt => LockError::Corrupt,
            LockError::Unsupported(why) => LockError::Unsupported(why),
        }
    }
}

impl<G> From<Refused> for LockError<G> {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::WouldBlock => LockError::WouldBlock,
            Refused::TimedOut => LockError::TimedOut,
            Refused::Deadlock => LockError::Deadlock,
            Refused::TooManyHeld => LockError::TooManyHeld,
            Refused::Corrupt => LockError::Corrupt,
            Refused::Unsupported(why) => LockError::Unsupported(why),
        }
    }
}

impl From<Refused> for AcquireError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::WouldBlock => AcquireError::WouldBlock,
            Refused::TimedOut => AcquireError::TimedOut,
            Refused::TooManyHeld => AcquireError::TooManyHeld,
            // A permit that this thread holds is no reason to refuse it another.
            Refused::Deadlock | Refused::Corrupt => AcquireError::Corrupt,
            Refused::Unsupported(why) => AcquireError::Unsupported(why),
        }
    }
}

const TOO_MANY: &str = "this thread holds 64 locks already; let go of some";
const CORRUPT: &str = "the memory of the lock has been written over";

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LockError::OwnerDied(_) => {
                formatter.write_str("the holder of the lock died; check the data and mark them")
            }
            LockError::Poisoned(_) => formatter.write_str("a holder of the lock panicked"),
            LockError::WouldBlock => formatter.write_str("the lock is held"),
            LockError::TimedOut => formatter.write_str("the lock was not free in time"),
            LockError::Deadlock => formatter.write_str("this thread holds the lock already"),
            LockError::TooManyHeld => formatter.write_str(TOO_MANY),
            LockError::Corrupt => formatter.write_str(CORRUPT),
            LockError::Unsupported(why) => why.fmt(formatter),
        }
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            LockError::OwnerDied(_) => "OwnerDied(..)",
            LockError::Poisoned(_) => "Poisoned(..)",
            LockError::WouldBlock => "WouldBlock",
            LockError::TimedOut => "TimedOut",
            LockError::Deadlock => "Deadlock",
            LockError::TooManyHeld => "TooManyHeld",
            LockError::Corrupt => "Corrupt",
            LockError::Unsupported(why) => return write!(formatter, "Unsupported({why})"),
        })
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AcquireError::WouldBlock => formatter.write_str("all permits are taken"),
            AcquireError::TimedOut => formatter.write_str("no permit was free in time"),
            AcquireError::TooManyHeld => formatter.write_str(TOO_MANY),
            AcquireError::Corrupt => formatter.write_str(CORRUPT),
            AcquireError::Unsupported(why) => why.fmt(formatter),
        }
    }
}

impl fmt::Display for NotHeld {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("this thread does not hold it, so it cannot give it back")
    }
}

impl fmt::Display for TooManyReleases {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("released once too often: no more than this were ever taken")
    }
}

impl fmt::Display for InvalidCount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidCount { count, least, most } = self;
        write!(formatter, "{count} is not between {least} and {most}")
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "locks cannot survive the death of their holder here: {}", self.0)
    }
}

impl fmt::Debug for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// Without a guard it outlives the lock, as errors do.
impl Error for LockError<()> {}

/// Makes `?` work where the error leaves the function: the guard is dropped on the way.
macro_rules! leaves_without_guard {
    ($(<$($life:lifetime,)? T $(: $bound:path)?> $guard:ty;)*) => {$(
        impl<$($life,)? T $(: $bound)?> From<LockError<$guard>> for Box<dyn Error> {
            fn from(error: LockError<$guard>) -> Self {
                Box::new(error.map(drop))
            }
        }

        impl<$($life,)? T $(: $bound)?> From<LockError<$guard>> for Box<dyn Error + Send + Sync> {
            fn from(error: LockError<$guard>) -> Self {
                Box::new(error.map(drop))
            }
        }

        impl<$($life,)? T $(: $bound)?> From<LockError<$guard>> for io::Error {
            fn from(error: LockError<$guard>) -> Self {
                error.map(drop).into()
            }
        }
    )*};
}

leaves_without_guard! {
    <'a, T> MutexGuard<'a, T>;
    <'a, T> (MutexGuard<'a, T>, WaitTimeoutResult);
    <'a, T> ReentrantMutexGuard<'a, T>;
    <'a, T> ReadGuard<'a, T>;
    <'a, T> WriteGuard<'a, T>;
}

#[cfg(not(loom))]
leaves_without_guard! {
    <'a, T: Element> ArrayGuard<'a, T>;
}

impl From<LockError<()>> for io::Error {
    fn from(error: LockError<()>) -> Self {
        let kind = match error {
            LockError::WouldBlock => io::ErrorKind::WouldBlock,
            LockError::TimedOut => io::ErrorKind::TimedOut,
            LockError::Deadlock => io::ErrorKind::Deadlock,
            LockError::Corrupt => io::ErrorKind::InvalidData,
            LockError::TooManyHeld => io::ErrorKind::QuotaExceeded,
            LockError::Unsupported(_) => io::ErrorKind::Unsupported,
            LockError::OwnerDied(()) | LockError::Poisoned(()) => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

impl Error for AcquireError {}
impl Error for NotHeld {}
impl Error for TooManyReleases {}
impl Error for InvalidCount {}
impl Error for Unsupported {}

impl From<InvalidCount> for io::Error {
    fn from(error: InvalidCount) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

impl From<Unsupported> for io::Error {
    fn from(error: Unsupported) -> Self {
        io::Error::new(io::ErrorKind::Unsupported, error)
    }
}
