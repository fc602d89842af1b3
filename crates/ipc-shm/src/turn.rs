//! Short accesses that must not meet a borrow, or each other: one lock around each.
//!
//! The lock is a range lock of the kernel, on a description that this process keeps for the
//! purpose, so that it excludes other processes and is freed if this one is killed. Threads of
//! this process take turns at the description by a mutex, since the kernel sees them as one.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Mutex, PoisonError};

use crate::ShmError;
use crate::descriptions::Description;
use crate::sys::{self, Lock};

/// What to do while another holds a part of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Fails with [`ShmError::Borrowed`].
    None,
    /// Waits; for holders that do not keep it.
    Some,
}

/// The description for short accesses, opened when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    own: Mutex<Option<Description>>,
}

/// Frees the range at the end of the access, however that ends.
struct Held<'a> {
    file: BorrowedFd<'a>,
    range: Range<u64>,
}

impl Turn {
    /// Runs `access` while no other process or thread holds a part of `range` of `file`.
    pub(crate) fn take<R>(
        &self,
        file: BorrowedFd<'_>,
        range: Range<u64>,
        lock: Lock,
        patience: Patience,
        access: impl FnOnce() -> R,
    ) -> Result<R, ShmError> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = match own.take().filter(Description::is_own) {
            Some(kept) => own.insert(kept),
            None => own.insert(Description::open(file)?),
        };
        let _held = hold(own.as_fd(), range, lock, patience)?;
        Ok(access())
    }
}

fn hold(
    file: BorrowedFd<'_>,
    range: Range<u64>,
    lock: Lock,
    patience: Patience,
) -> Result<Held<'_>, ShmError> {
    match patience {
        Patience::Some => sys::wait_lock(file, range.clone(), lock)?,
        Patience::None if sys::try_lock(file, range.clone(), lock)? => {}
        Patience::None => return Err(ShmError::Borrowed),
    }
    // With the release of whoever had the range before.
    fence(Ordering::Acquire);
    Ok(Held { file, range })
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // For the acquire of whoever has the range next.
        fence(Ordering::Release);
        // The range is ours, and to free it takes no memory.
        let _ = sys::unlock(self.file, self.range.clone());
    }
}
