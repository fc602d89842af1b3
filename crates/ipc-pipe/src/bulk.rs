//! Plain numbers in bulk: one copy instead of a visit per element, and none for the receiver when
//! they are many.

use std::fmt;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};

use bytemuck::Pod;
use serde::de::{Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cargo::LongNumbers;
use crate::frozen::Frozen;
use crate::{cargo, sys};

/// From this many bytes on, numbers travel as a memory file where descriptors can ride.
///
/// A new file costs the kernel a page for every 4 KiB, which is more than two copies through a
/// socket cost up to about here: measured between two processes, inside the message as against in a
/// file, 41 to 55 µs at 64 KiB, 221 to 232 µs at 512 KiB, 1.1 to 0.46 ms at 1 MiB, 15 to 4.6 ms at
/// 8 MiB.
pub const BULK_THRESHOLD: usize = 1 << 20;

/// Bytes that are copied at most once on their way.
pub type Bytes = Bulk<u8>;

/// An array of plain numbers that travels as one block.
///
/// serde visits a `Vec<f64>` number by number; a `Bulk<f64>` is one copy. From [`BULK_THRESHOLD`]
/// bytes on it is written to an anonymous memory file, sealed against any change, and only the
/// file's descriptor travels: the receiver maps it and reads in place. Where no descriptor can
/// ride, the numbers travel inside the message.
///
/// It reads as a slice. [`into_vec`](Bulk::into_vec) copies what is mapped.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Bulk, pipe};
///
/// let (mut receiver, mut sender) = pipe::<Bulk<f64>>()?;
/// sender.send(&Bulk::from(vec![0.5; 200_000]))?;
/// assert_eq!(receiver.recv()?.iter().sum::<f64>(), 100_000.0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Bulk<T: Pod = u8>(Storage<T>);

enum Storage<T: Pod> {
    Owned(Vec<T>),
    Mapped(Frozen<T>),
}

impl<T: Pod> Bulk<T> {
    /// The numbers as a vector of their own: free if they were not received as a memory file.
    pub fn into_vec(self) -> Vec<T> {
        match self.0 {
            Storage::Owned(vec) => vec,
            Storage::Mapped(frozen) => frozen.to_vec(),
        }
    }

    /// True if the numbers are read in place from a memory file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Storage::Mapped(_))
    }

    /// Puts the numbers into a memory file of their own.
    pub(crate) fn freeze(&self) -> std::io::Result<OwnedFd> {
        match &self.0 {
            Storage::Mapped(frozen) => sys::duplicate(frozen.as_fd()),
            Storage::Owned(vec) => sys::frozen_memory(bytemuck::cast_slice(vec)),
        }
    }

    /// Maps `len` bytes of a memory file.
    pub(crate) fn map(file: OwnedFd, len: u64) -> std::io::Result<Self> {
        Frozen::map(file, len).map(|frozen| Bulk(Storage::Mapped(frozen)))
    }
}

impl<T: Pod> Deref for Bulk<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Storage::Owned(vec) => vec,
            Storage::Mapped(frozen) => frozen,
        }
    }
}

impl<T: Pod> From<Vec<T>> for Bulk<T> {
    fn from(vec: Vec<T>) -> Self {
        Bulk(Storage::Owned(vec))
    }
}

impl<T: Pod> From<&[T]> for Bulk<T> {
    fn from(slice: &[T]) -> Self {
        Bulk(Storage::Owned(slice.to_vec()))
    }
}

impl<T: Pod> Default for Bulk<T> {
    fn default() -> Self {
        Bulk(Storage::Owned(Vec::new()))
    }
}

impl<T: Pod> Clone for Bulk<T> {
    fn clone(&self) -> Self {
        Bulk::from(&**self)
    }
}

impl<T: Pod + PartialEq> PartialEq for Bulk<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Bulk<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bulk")
            .field("len", &self.len())
            .field("mapped", &self.is_mapped())
            .finish_non_exhaustive()
    }
}

/// How the numbers stand in the message.
#[derive(Serialize, Deserialize)]
enum Form<I> {
    Inline(I),
    File { len: u64, number: u32 },
}

/// Serializes as one run of bytes.
struct Run<'a>(&'a [u8]);

impl Serialize for Run<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Deserializes from one run of bytes, in one copy.
struct Elements<T>(Vec<T>);

impl<'de, T: Pod> Deserialize<'de> for Elements<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(ElementsVisitor(std::marker::PhantomData)).map(Elements)
    }
}

struct ElementsVisitor<T>(std::marker::PhantomData<T>);

impl<T: Pod> Visitor<'_> for ElementsVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a whole number of elements of {} bytes", size_of::<T>())
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Vec<T>, E> {
        if size_of::<T>() == 0 || !bytes.len().is_multiple_of(size_of::<T>()) {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        Ok(bytemuck::allocation::pod_collect_to_vec(bytes))
    }
}

impl<T: Pod> Serialize for Bulk<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: &[u8] = bytemuck::cast_slice(self);
        let beside = cargo::long_numbers() == Some(LongNumbers::Beside);
        if bytes.len() < BULK_THRESHOLD || !beside {
            return Form::Inline(Run(bytes)).serialize(serializer);
        }
        let file = self.freeze().map_err(S::Error::custom)?;
        let number = cargo::attach(file).ok_or_else(|| S::Error::custom("too many descriptors"))?;
        Form::<Run<'_>>::File { len: bytes.len() as u64, number }.serialize(serializer)
    }
}

impl<'de, T: Pod> Deserialize<'de> for Bulk<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::<Elements<T>>::deserialize(deserializer)? {
            Form::Inline(Elements(vec)) => Ok(vec.into()),
            Form::File { len, number } => {
                let file = cargo::take(number)
                    .ok_or_else(|| D::Error::custom("the memory file did not come along"))?;
                Bulk::map(file, len).map_err(D::Error::custom)
            }
        }
    }
}
