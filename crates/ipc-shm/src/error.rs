//! What can go wrong with shared memory, as one small enum: the caller chooses by its kind.

use std::fmt;
use std::io;

/// Shared memory could not be made, opened or used.
#[derive(Debug)]
#[non_exhaustive]
pub enum ShmError {
    /// A length of zero was asked for.
    Empty,
    /// More bytes were asked for than one mapping can have on this machine.
    TooLarge,
    /// The memory, the swap or the file system has no room for this many bytes.
    OutOfMemory {
        /// How many bytes were asked for.
        needed: u64,
    },
    /// The name is empty, too long, or holds a slash or a NUL.
    InvalidName(String),
    /// The name or the path is taken.
    AlreadyExists(String),
    /// There is nothing under this name or path (any more).
    NotFound(String),
    /// What is under this name or path belongs to another user.
    PermissionDenied(String),
    /// The file is no region of shared memory of this crate.
    NotARegion,
    /// The region was made by another version of this crate, whose layout differs.
    Version {
        /// The version of the layout that this program understands.
        expected: u32,
        /// The version of the region.
        found: u32,
    },
    /// The region holds values of another type.
    Layout {
        /// [`Layout::hash`](crate::Layout::hash) of what was expected.
        expected: u64,
        /// The hash that the region has.
        found: u64,
    },
    /// The file is shorter than its header says: it has been cut off.
    Truncated {
        /// How many bytes there should be.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// A memory file came whose length its sender can still change, which would end in SIGBUS.
    NotSealed,
    /// Another guard, here or in another process, holds a part of the range.
    Borrowed,
    /// An index or a range lies outside.
    OutOfBounds {
        /// The first index beyond what was asked for.
        end: usize,
        /// How many there are.
        len: usize,
    },
    /// The value is longer than its slot, which keeps what it had.
    DoesNotFit {
        /// How many bytes the slot takes.
        slot: usize,
        /// How many bytes the value needs.
        needed: usize,
    },
    /// Another process has written what cannot be read, or was killed within a write.
    Corrupt(&'static str),
    /// The operating system refused.
    Io(io::Error),
}

impl fmt::Display for ShmError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ShmError as E;
        match self {
            E::Empty => formatter.write_str("shared memory of no bytes; ask for one at least"),
            E::TooLarge => formatter.write_str("more bytes than one mapping can have"),
            E::OutOfMemory { needed } => {
                write!(
                    formatter,
                    "no room for {needed} bytes of shared memory; free some or ask for less"
                )
            }
            E::InvalidName(name) => write!(
                formatter,
                "{name:?} is no name for shared memory; use 1 to 200 bytes without slash and NUL"
            ),
            E::AlreadyExists(name) => {
                write!(formatter, "{name:?} exists already; open it or choose another name")
            }
            E::NotFound(name) => write!(formatter, "there is no shared memory {name:?}"),
            E::PermissionDenied(name) => {
                write!(formatter, "{name:?} is not for this user; only who made it may open it")
            }
            E::NotARegion => formatter.write_str("the file is no shared memory of this library"),
            E::Version { expected, found } => write!(
                formatter,
                "shared memory of version {found}, this program has {expected}; build both alike"
            ),
            E::Layout { expected, found } => write!(
                formatter,
                "shared memory of another type (layout {found:016x}, expected {expected:016x})"
            ),
            E::Truncated { expected, found } => {
                write!(formatter, "the file was cut off: {found} bytes of {expected}")
            }
            E::NotSealed => formatter
                .write_str("a memory file came unsealed; its sender could shrink it at any time"),
            E::Borrowed => {
                formatter.write_str("a part of the range is borrowed; drop that guard or try later")
            }
            E::OutOfBounds { end, len } => write!(formatter, "{end} is beyond the length of {len}"),
            E::DoesNotFit { slot, needed } => {
                write!(formatter, "a value of {needed} bytes does not fit its slot of {slot}")
            }
            E::Corrupt(what) => write!(formatter, "shared memory is corrupt: {what}"),
            E::Io(error) => write!(formatter, "shared memory: {error}"),
        }
    }
}

impl std::error::Error for ShmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ShmError::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for ShmError {
    fn from(error: io::Error) -> Self {
        ShmError::Io(error)
    }
}

impl From<ShmError> for io::Error {
    fn from(error: ShmError) -> Self {
        use ShmError as E;
        use io::ErrorKind;
        let kind = match error {
            E::Io(error) => return error,
            E::Empty | E::TooLarge | E::InvalidName(_) => ErrorKind::InvalidInput,
            E::OutOfBounds { .. } | E::DoesNotFit { .. } => ErrorKind::InvalidInput,
            E::OutOfMemory { .. } => ErrorKind::OutOfMemory,
            E::AlreadyExists(_) => ErrorKind::AlreadyExists,
            E::NotFound(_) => ErrorKind::NotFound,
            E::PermissionDenied(_) => ErrorKind::PermissionDenied,
            E::Borrowed => ErrorKind::WouldBlock,
            E::NotARegion | E::Version { .. } | E::Layout { .. } => ErrorKind::InvalidData,
            E::Truncated { .. } | E::NotSealed | E::Corrupt(_) => ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}

impl ShmError {
    /// An error of the system, about something that has a name.
    pub(crate) fn about(name: &str, error: io::Error) -> ShmError {
        match error.kind() {
            io::ErrorKind::AlreadyExists => ShmError::AlreadyExists(name.to_owned()),
            io::ErrorKind::NotFound => ShmError::NotFound(name.to_owned()),
            io::ErrorKind::PermissionDenied => ShmError::PermissionDenied(name.to_owned()),
            io::ErrorKind::InvalidInput => ShmError::InvalidName(name.to_owned()),
            _ => ShmError::Io(error),
        }
    }

    /// An error of the system where `needed` bytes were asked for.
    pub(crate) fn about_room(needed: usize, error: io::Error) -> ShmError {
        use io::ErrorKind as K;
        match error.kind() {
            K::StorageFull | K::OutOfMemory | K::QuotaExceeded => {
                ShmError::OutOfMemory { needed: needed as u64 }
            }
            K::FileTooLarge => ShmError::TooLarge,
            _ => ShmError::Io(error),
        }
    }
}
