//! Functions that are known by a name, for programs that are different builds.
//!
//! The place of a function is known to one build only. A function marked `#[multiproc::remote]` is
//! also entered, when the program is linked, in a table under its path; a [`RemoteFn`] of it
//! travels as that path, and any program that has such a function under the same path finds its
//! own.

use std::any::{Any, TypeId};
use std::fmt;

use linkme::distributed_slice;

use crate::entry::{Entry, EntryOf, NoSuchEntry};

/// All functions of this program that have a name.
#[doc(hidden)]
#[distributed_slice]
pub static REGISTERED: [Registered];

/// A line of the table, made by `#[multiproc::remote]`.
#[doc(hidden)]
pub struct Registered {
    name: &'static str,
    function: fn() -> TypeId,
    /// The function's [`Entry`], which knows its types.
    entry: &'static (dyn Any + Send + Sync),
}

/// A constructor for each number of arguments, as those are what tells the compiler the types.
macro_rules! constructor {
    ($name:ident $($arg:ident)*) => {
        #[doc(hidden)]
        pub const fn $name<F, R, $($arg,)*>(name: &'static str, _function: F) -> Registered
        where
            F: Fn($($arg),*) -> R + Copy + Send + Sync + 'static,
            R: 'static,
            $($arg: 'static,)*
        {
            let entry = EntryOf::<F, ($($arg,)*)>::ENTRY;
            Registered { name, function: TypeId::of::<(F, ($($arg,)*))>, entry }
        }
    };
}

impl Registered {
    constructor! { arguments_0 }
    constructor! { arguments_1 A }
    constructor! { arguments_2 A B }
    constructor! { arguments_3 A B C }
    constructor! { arguments_4 A B C D }
    constructor! { arguments_5 A B C D E }
    constructor! { arguments_6 A B C D E G }
    constructor! { arguments_7 A B C D E G H }
    constructor! { arguments_8 A B C D E G H I }
}

impl fmt::Debug for Registered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Registered").field(&self.name).finish()
    }
}

/// The name under which the function of this type is registered, if it is.
pub(crate) fn name_of(function: TypeId) -> Option<&'static str> {
    REGISTERED.iter().find(|line| (line.function)() == function).map(|line| line.name)
}

/// The function registered under `name`.
///
/// # Errors
///
/// When there is none, or it takes or returns something else.
pub(crate) fn find<A: 'static, R: 'static>(
    name: &str,
) -> Result<&'static Entry<A, R>, NoSuchEntry> {
    let line = REGISTERED.iter().find(|line| line.name == name);
    let entry = line.ok_or(NoSuchEntry::NotRegistered)?.entry;
    entry.downcast_ref().ok_or(NoSuchEntry::OtherType)
}
