//! One value without a lock: Python's `RawValue`.
#![allow(unsafe_code, reason = "gives out a payload as an atomic")]

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use crate::atomic::HasAtomic;
use crate::place::Place;
use crate::{Layout, Region, RegionOptions, Shareable, ShmError, value};

/// A number or a struct that several processes get and set, without a lock.
///
/// Values of 1, 2, 4 or 8 bytes are read and written in one piece. Of a longer one, a reader may
/// see a part of what another process is just writing; put such a value under a lock if that
/// matters. To read, change and write it is three steps that others can come between:
/// [`as_atomic`](RawValue::as_atomic) has `fetch_add` and the like for whole numbers.
///
/// It opens and travels like [`Shared`](crate::Shared).
///
/// # When a process dies
///
/// A value of up to eight bytes has been written or has not. A longer one may be half written.
///
/// # Examples
///
/// ```
/// use ipc_shm::{RawValue, Shareable};
///
/// #[derive(Clone, Copy, Debug, PartialEq, Shareable)]
/// #[repr(C)]
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// let point = RawValue::new(Point { x: 1.0, y: 2.0 })?;
/// point.set(Point { y: 3.0, ..point.get() });
/// assert_eq!(point.get(), Point { x: 1.0, y: 3.0 });
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
pub struct RawValue<T> {
    region: Region,
    value: PhantomData<T>,
}

crate::attach::attachable!(RawValue<T: Shareable + Copy>, "value");
crate::attach::transferable!(RawValue<T: Shareable + Copy>);
crate::attach::cloned!(RawValue<T>: region, value);

impl<T: Shareable + Copy> RawValue<T> {
    const LAYOUT: Layout =
        Layout::new("ipc_shm::RawValue", size_of::<T>(), align_of::<T>()).with(T::LAYOUT);

    /// Places a value in memory without a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfMemory`], [`ShmError::Empty`] for a type without bytes, or what the system
    /// refused.
    pub fn new(value: T) -> Result<RawValue<T>, ShmError> {
        RawValue::place(RegionOptions::new().in_memory(), value)
    }

    /// Places a value in memory under a name that is free.
    ///
    /// # Errors
    ///
    /// As for [`new`](RawValue::new); besides, [`ShmError::InvalidName`] and
    /// [`ShmError::AlreadyExists`].
    pub fn create(name: &str, value: T) -> Result<RawValue<T>, ShmError> {
        RawValue::place(Place::Named(name), value)
    }

    /// Places a value in a new file.
    ///
    /// # Errors
    ///
    /// As for [`new`](RawValue::new); besides, [`ShmError::AlreadyExists`],
    /// [`ShmError::NotFound`] and [`ShmError::PermissionDenied`] about the path.
    pub fn create_file(path: impl AsRef<Path>, value: T) -> Result<RawValue<T>, ShmError> {
        RawValue::place(Place::File(path.as_ref()), value)
    }

    /// The value as it is now.
    #[must_use]
    #[inline]
    pub fn get(&self) -> T {
        // SAFETY: the payload is a `T` by its checked layout, and lies at a multiple of 64.
        unsafe { value::load(self.region.as_ptr()) }
    }

    /// Replaces the value.
    #[inline]
    pub fn set(&self, value: T) {
        // SAFETY: the payload is a `T` by its checked layout, and lies at a multiple of 64.
        unsafe { value::store(self.region.as_ptr(), value) };
    }

    fn place(place: Place<'_>, value: T) -> Result<RawValue<T>, ShmError> {
        let options = RegionOptions::new().layout(Self::LAYOUT).count(1);
        let region = options.create(place, size_of::<T>(), |payload| {
            // SAFETY: the payload has room for a `T`, and lies at a multiple of 64.
            unsafe { value::store(payload.as_ptr(), value) };
            Ok(())
        })?;
        Ok(RawValue { region, value: PhantomData })
    }

    fn attach(region: Region) -> Result<RawValue<T>, ShmError> {
        region.check_layout(Self::LAYOUT)?;
        Ok(RawValue { region, value: PhantomData })
    }
}

impl<T: HasAtomic> RawValue<T> {
    /// The number as an atomic one, to change it in one step.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::Ordering;
    /// use ipc_shm::RawValue;
    ///
    /// let hits = RawValue::new(0_u64)?;
    /// hits.as_atomic().fetch_add(1, Ordering::Relaxed);
    /// assert_eq!(hits.get(), 1);
    /// # Ok::<(), ipc_shm::ShmError>(())
    /// ```
    #[must_use]
    #[inline]
    pub fn as_atomic(&self) -> &T::Atomic {
        // SAFETY: the atomic has the size of the number, every bit pattern is valid, the payload
        // lies at a multiple of 64, is mapped while `self` lives, and is accessed atomically only.
        unsafe { &*self.region.as_ptr().cast::<T::Atomic>() }
    }
}

impl<T: Shareable + Copy + fmt::Debug> fmt::Debug for RawValue<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RawValue").field(&self.get()).finish()
    }
}
