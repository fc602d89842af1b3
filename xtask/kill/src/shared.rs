//! A value in memory that this process shares with its children, between two guard pages.
//!
//! The guard pages turn a write past the end into the writer's death; without them a full ledger
//! once damaged the ring that lay behind it, and the ring was blamed.
#![allow(unsafe_code, reason = "maps memory and calls it a value")]

use std::ffi::c_void;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

const PAGE: usize = 4096;

/// What may lie in a [`Shared`].
///
/// # Safety
///
/// All bytes zero must be a value, and all that changes must do so through atomics or
/// `UnsafeCell`, since other processes write to it at any time.
pub(crate) unsafe trait Zeroed {}

/// A `T` in shared memory, all zero at first, unmapped when dropped. A fork inherits it.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    /// The lower guard page; the value starts one page above.
    base: NonNull<c_void>,
    value: NonNull<T>,
}

// SAFETY: the mapping belongs to no thread, and `Zeroed` lets other processes use the value at any
// time, which is no less than other threads do.
unsafe impl<T: Zeroed> Send for Shared<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Zeroed> Sync for Shared<T> {}

impl<T> Shared<T> {
    const INSIDE: usize = size_of::<T>().next_multiple_of(PAGE);

    pub(crate) fn new() -> Self
    where
        T: Zeroed,
    {
        const { assert!(align_of::<T>() <= PAGE) };
        let length = Self::INSIDE + 2 * PAGE;
        // SAFETY: a null hint lets the kernel choose a free range, so no memory in use is replaced.
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                ptr::null_mut(),
                length,
                ProtFlags::empty(),
                MapFlags::SHARED,
            )
        };
        let base = NonNull::new(base.expect("memory for a stage")).expect("is not null");
        // SAFETY: one page above the base lies in the mapping, which has two pages and more.
        let inside = unsafe { base.byte_add(PAGE) };
        // SAFETY: the range lies in the mapping just made, which nothing refers to yet.
        let opened = unsafe {
            let access = MprotectFlags::READ | MprotectFlags::WRITE;
            rustix::mm::mprotect(inside.as_ptr(), Self::INSIDE, access)
        };
        opened.expect("a mapping's owner may open it");
        Self { base, value: inside.cast() }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `value` points to INSIDE readable bytes, aligned to a page, that stay mapped
        // until `self` is dropped; zero was a `T` by `Zeroed`, and only a `T` has changed it.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the range is the one that `new` mapped; borrows of the value end with `self`.
        let unmapped = unsafe { rustix::mm::munmap(self.base.as_ptr(), Self::INSIDE + 2 * PAGE) };
        debug_assert!(unmapped.is_ok());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::{Shared, Zeroed};

    // SAFETY: an array of atomics, for which zero is a value.
    unsafe impl Zeroed for [AtomicU32; 2000] {}

    #[test]
    fn a_value_starts_as_zero_and_keeps_what_is_written() {
        let shared = Shared::<[AtomicU32; 2000]>::new();
        assert!(shared.iter().all(|word| word.load(Relaxed) == 0));
        shared[1999].store(7, Relaxed);
        assert_eq!(shared[1999].load(Relaxed), 7);
    }
}
