//! Descriptors as values: what is wrapped in a [`Handle`] travels beside the bytes of a message.

use std::fmt::Display;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{cargo, sys};

/// A descriptor (or something that owns one, such as a [`File`](std::fs::File)) that can be part of
/// a value sent to another process.
///
/// Sending duplicates the descriptor: the sender keeps its own, and the receiver gets another for
/// the same open file. It travels over unix sockets only; encoding it where no descriptor can ride
/// (a file, a network peer, an encrypted connection) is an error.
///
/// A field of another type can be sent the same way with `#[serde(with = "ipc_pipe::handle")]`.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Seek, Write};
/// use ipc_pipe::{Handle, pipe};
///
/// let (mut receiver, mut sender) = pipe::<(String, Handle<std::fs::File>)>()?;
/// let mut file = tempfile();
/// file.write_all(b"through another process")?;
/// file.rewind()?;
///
/// sender.send(&("read this".into(), Handle(file)))?;
/// let (title, Handle(mut file)) = receiver.recv()?;
/// let mut text = String::new();
/// file.read_to_string(&mut text)?;
/// assert_eq!((title.as_str(), text.as_str()), ("read this", "through another process"));
/// # fn tempfile() -> std::fs::File {
/// #     let path = std::env::temp_dir().join(format!("handle-{}", std::process::id()));
/// #     let file =
/// std::fs::File::options().read(true).write(true).create(true).open(&path).unwrap();
/// #     std::fs::remove_file(path).unwrap();
/// #     file
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle<T = OwnedFd>(pub T);

impl<T> Handle<T> {
    /// Unwraps what owns the descriptor.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Handle<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Handle<T> {
    fn from(inner: T) -> Self {
        Handle(inner)
    }
}

impl<T: AsFd> AsFd for Handle<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<T: AsFd> Serialize for Handle<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de, T: TryFrom<OwnedFd, Error: Display>> Deserialize<'de> for Handle<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize(deserializer).map(Handle)
    }
}

/// Serializes what owns a descriptor by attaching a duplicate to the message being encoded.
///
/// # Errors
///
/// When no descriptor can ride with what is being written, or this process has no room for one
/// more.
pub fn serialize<T: AsFd, S: Serializer>(owner: &T, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::Error;

    if !cargo::can_attach() {
        return Err(S::Error::custom("a descriptor cannot ride here, only over a unix connection"));
    }
    let copy = sys::duplicate(owner.as_fd()).map_err(|error| {
        S::Error::custom(format_args!("cannot duplicate a descriptor: {error}"))
    })?;
    let number = cargo::attach(copy).ok_or_else(|| S::Error::custom("too many descriptors"))?;
    serializer.serialize_u32(number)
}

/// Deserializes what owns a descriptor by taking it out of the message being decoded.
///
/// # Errors
///
/// When the message does not carry the descriptor, or it is not of the kind that `T` wants.
pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: TryFrom<OwnedFd, Error: Display>,
    D: Deserializer<'de>,
{
    use serde::de::Error;

    let number = u32::deserialize(deserializer)?;
    let descriptor = cargo::take(number).ok_or_else(|| {
        D::Error::custom(format_args!("descriptor {number} did not come with the message"))
    })?;
    T::try_from(descriptor).map_err(D::Error::custom)
}
