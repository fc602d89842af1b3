//! Guards over a part of a slice, which the kernel keeps apart between processes.
//!
//! Each guard has a description of its own and locks exactly its bytes on it: shared to read,
//! exclusively to write. Two guards that overlap, one of which writes, cannot be had at once, be
//! it in one process or in two; and the lock goes with its holder, however that ends.
#![allow(unsafe_code, reason = "gives out what is locked as slices")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::os::fd::AsFd;
use std::sync::atomic::{Ordering, fence};

use crate::descriptions::Description;
use crate::sys::{self, Lock};
use crate::turn::Patience;
use crate::{Region, Shareable, ShmError};

/// Shared access to elements; see [`SharedSlice::read`](crate::SharedSlice::read).
pub struct SliceRef<T> {
    held: Held,
    elements: PhantomData<T>,
}

/// Exclusive access to elements; see [`SharedSlice::write`](crate::SharedSlice::write).
pub struct SliceMut<T> {
    held: Held,
    elements: PhantomData<T>,
}

/// A part of a region, and the lock on it.
struct Held {
    region: Region,
    /// Of the first element, in bytes from the start of the payload.
    offset: usize,
    /// How many elements.
    len: usize,
    /// The lock and the bytes of the file; there is nothing to lock if there are no elements.
    lock: Option<(Description, Range<u64>)>,
}

/// Locks the bytes of `range` of elements of type `T`.
fn hold<T>(
    region: &Region,
    range: Range<usize>,
    lock: Lock,
    patience: Patience,
) -> Result<Held, ShmError> {
    let (offset, len) = (range.start * size_of::<T>(), range.len());
    let lock = match bytes_in_file::<T>(region, range) {
        Some(bytes) => Some((locked(region, bytes.clone(), lock, patience)?, bytes)),
        None => None,
    };
    Ok(Held { region: region.clone(), offset, len, lock })
}

fn locked(
    region: &Region,
    bytes: Range<u64>,
    lock: Lock,
    patience: Patience,
) -> Result<Description, ShmError> {
    let description = region.descriptions().take(region.as_fd())?;
    match patience {
        Patience::Some => sys::wait_lock(description.as_fd(), bytes, lock)?,
        Patience::None if sys::try_lock(description.as_fd(), bytes, lock)? => {}
        Patience::None => {
            region.descriptions().give_back(description);
            return Err(ShmError::Borrowed);
        }
    }
    // With the release of whoever had the range before.
    fence(Ordering::Acquire);
    Ok(description)
}

/// Which bytes of the file a range of elements is; `None` if there are none.
pub(crate) fn bytes_in_file<T>(region: &Region, range: Range<usize>) -> Option<Range<u64>> {
    let at = |index: usize| (region.payload_offset() + index * size_of::<T>()) as u64;
    (!range.is_empty()).then(|| at(range.start)..at(range.end))
}

impl Held {
    fn first<T>(&self) -> *mut T {
        self.region.as_ptr().wrapping_add(self.offset).cast()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // For the acquire of whoever has the range next.
        fence(Ordering::Release);
        let Some((description, bytes)) = self.lock.take() else { return };
        // Closing might not free it yet: while another thread starts a process, a copy of the
        // descriptor lives in the child for a moment. A forked child leaves the lock alone.
        if description.is_own() && sys::unlock(description.as_fd(), bytes).is_ok() {
            self.region.descriptions().give_back(description);
        }
    }
}

impl<T: Shareable + Copy> SliceRef<T> {
    /// `range` must lie within the region, which must hold elements of type `T`.
    pub(crate) fn new(
        region: &Region,
        range: Range<usize>,
        patience: Patience,
    ) -> Result<Self, ShmError> {
        let held = hold::<T>(region, range, Lock::Shared, patience)?;
        Ok(SliceRef { held, elements: PhantomData })
    }
}

impl<T: Shareable + Copy> SliceMut<T> {
    /// `range` must lie within the region, which must hold elements of type `T`.
    pub(crate) fn new(
        region: &Region,
        range: Range<usize>,
        patience: Patience,
    ) -> Result<Self, ShmError> {
        let held = hold::<T>(region, range, Lock::Exclusive, patience)?;
        Ok(SliceMut { held, elements: PhantomData })
    }
}

impl<T: Shareable + Copy> Deref for SliceRef<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the range lies in the payload, which holds `T`s; the kernel lets nobody have an
        // exclusive guard over a part of it meanwhile, and all safe writes need one.
        unsafe { std::slice::from_raw_parts(self.held.first(), self.held.len) }
    }
}

impl<T: Shareable + Copy> Deref for SliceMut<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: the range lies in the payload, which holds `T`s; the kernel lets nobody have
        // another guard over a part of it meanwhile, and all safe access needs one.
        unsafe { std::slice::from_raw_parts(self.held.first(), self.held.len) }
    }
}

impl<T: Shareable + Copy> DerefMut for SliceMut<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.held.first(), self.held.len) }
    }
}

impl<T: Shareable + Copy + fmt::Debug> fmt::Debug for SliceRef<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: Shareable + Copy + fmt::Debug> fmt::Debug for SliceMut<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
