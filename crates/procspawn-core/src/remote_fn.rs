//! A function as a value that can be sent to another process.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entry::{Entry, EntryOf, EntryRef, conjure};
use crate::function::Function;
use crate::registered;

/// A function that travels: `A` is the tuple of its arguments, `R` what it returns.
///
/// It is as small as a reference and costs as much to call as a function pointer. In a message it
/// is the build of the program and the place of the function in it; a process that runs another
/// build refuses it with an error when it decodes the message. A function that is marked
/// `#[multiproc::remote]` travels as its path instead, and other builds that have it know it too.
///
/// # Examples
///
/// ```
/// use ipc_pipe::Message;
/// use procspawn_core::RemoteFn;
///
/// fn double(x: u32) -> u32 {
///     2 * x
/// }
///
/// // In one process …
/// let message = Message::encode(&(RemoteFn::new(double), 21u32))?;
/// // … and in another.
/// let (function, x) = message.decode::<(RemoteFn<(u32,), u32>, u32)>()?;
/// assert_eq!(function.call((x,)), 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RemoteFn<A: 'static, R: 'static = ()>(&'static Entry<A, R>);

impl<A: 'static, R: 'static> RemoteFn<A, R> {
    /// Names `function`, which must not capture anything: the error when it does comes from the
    /// compiler.
    pub fn new<F: Function<A, Output = R>>(_function: F) -> Self {
        let _: F = conjure();
        RemoteFn(EntryOf::<F, A>::ENTRY)
    }

    /// Calls the function.
    ///
    /// # Panics
    ///
    /// When the function does.
    pub fn call(&self, args: A) -> R {
        self.0.call(args)
    }

    /// The path of the function, for people; not unique.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    pub(crate) fn entry(&self) -> EntryRef {
        EntryRef::to(self.0)
    }
}

impl<A, R> Clone for RemoteFn<A, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A, R> Copy for RemoteFn<A, R> {}

impl<A, R> fmt::Debug for RemoteFn<A, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RemoteFn").field(&self.name()).finish()
    }
}

/// What travels.
#[derive(Serialize, Deserialize)]
enum Name<N> {
    /// For the same build.
    Place(EntryRef),
    /// For every program that has registered a function under this name.
    Registered(N),
}

impl<A, R> Serialize for RemoteFn<A, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match registered::name_of(self.0.function()) {
            Some(name) => Name::Registered(name),
            None => Name::Place(self.entry()),
        };
        name.serialize(serializer)
    }
}

impl<'de, A: 'static, R: 'static> Deserialize<'de> for RemoteFn<A, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = match Name::<String>::deserialize(deserializer)? {
            Name::Place(entry) => entry.find(),
            Name::Registered(name) => registered::find(&name),
        };
        found.map(RemoteFn).map_err(D::Error::custom)
    }
}
