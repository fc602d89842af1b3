//! One value in shared memory.
#![allow(unsafe_code, reason = "gives references to what is mapped")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::path::Path;

use crate::place::Place;
use crate::{Layout, Region, RegionOptions, Shareable, ShmError};

/// A handle to one `T` in memory that several processes share.
///
/// It dereferences to the value. What changes in it changes through atomics, or through types of
/// which `Sync` holds between processes, such as the locks of `sync-primitives`; a plain number in
/// it stays what it was when the value was placed. For a number or a struct that changes as a
/// whole, see [`RawValue`](crate::RawValue).
///
/// Clones are handles to the same value. It is never dropped; its memory goes with the last handle
/// of any process. With the feature `transfer` it can be sent to another process, which checks that
/// it expects the same type.
///
/// # When a process dies
///
/// The others keep the value, as far as it was changed.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ipc_shm::Shared;
///
/// let counter = Shared::new(AtomicU64::new(5))?;
/// let same = counter.clone(); // Or sent to another process.
/// same.fetch_add(1, Ordering::Relaxed);
/// assert_eq!(counter.load(Ordering::Relaxed), 6);
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
pub struct Shared<T> {
    region: Region,
    value: PhantomData<T>,
}

impl<T: Shareable> Shared<T> {
    const LAYOUT: Layout =
        Layout::new("ipc_shm::Shared", size_of::<T>(), align_of::<T>()).with(T::LAYOUT);

    /// Places a value in memory without a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfMemory`], [`ShmError::Empty`] for a type without bytes, or what the system
    /// refused.
    pub fn new(value: T) -> Result<Shared<T>, ShmError> {
        Shared::place(RegionOptions::new().in_memory(), value)
    }

    /// Places a value in memory under a name that is free.
    ///
    /// # Errors
    ///
    /// As for [`new`](Shared::new); besides, [`ShmError::InvalidName`] and
    /// [`ShmError::AlreadyExists`].
    pub fn create(name: &str, value: T) -> Result<Shared<T>, ShmError> {
        Shared::place(Place::Named(name), value)
    }

    /// Places a value in a new file.
    ///
    /// # Errors
    ///
    /// As for [`new`](Shared::new); besides, [`ShmError::AlreadyExists`], [`ShmError::NotFound`]
    /// and [`ShmError::PermissionDenied`] about the path.
    pub fn create_file(path: impl AsRef<Path>, value: T) -> Result<Shared<T>, ShmError> {
        Shared::place(Place::File(path.as_ref()), value)
    }

    /// Whether both are handles to the same value through the same mapping.
    #[must_use]
    pub fn ptr_eq(&self, other: &Shared<T>) -> bool {
        self.region.ptr_eq(&other.region)
    }

    fn place(place: Place<'_>, value: T) -> Result<Shared<T>, ShmError> {
        const { assert!(!std::mem::needs_drop::<T>(), "what is shared is never dropped") };
        let options = RegionOptions::new().layout(Self::LAYOUT).count(1);
        let region = options.create(place, size_of::<T>(), |payload| {
            // SAFETY: the payload has room for a `T` and is aligned for it, by the layout given,
            // and nobody else knows of it yet.
            unsafe { payload.as_ptr().cast::<T>().write(value) };
            Ok(())
        })?;
        Ok(Shared { region, value: PhantomData })
    }

    fn attach(region: Region) -> Result<Shared<T>, ShmError> {
        const { assert!(!std::mem::needs_drop::<T>(), "what is shared is never dropped") };
        region.check_layout(Self::LAYOUT)?;
        Ok(Shared { region, value: PhantomData })
    }
}

crate::attach::attachable!(Shared<T: Shareable>, "value");
crate::attach::transferable!(Shared<T: Shareable>);
crate::attach::cloned!(Shared<T>: region, value);

impl<T: Shareable> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the payload is a `T` (the layout has been checked when the region was made or
        // attached), is mapped while `self` lives, and is written only in ways that a shared
        // reference allows: every handle to a region with this layout is a `Shared<T>`, and a
        // `T` that changes does so through its own `Sync` means.
        unsafe { &*self.region.as_ptr().cast::<T>() }
    }
}

impl<T: Shareable + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Shared").field(&**self).finish()
    }
}
