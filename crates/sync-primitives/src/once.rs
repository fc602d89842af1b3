//! Something that is done once among all processes, also if the first that begins it dies.

use std::fmt;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::error::LockError;
use crate::latch::Latch;
use crate::mutex::{LockResult, Mutex, MutexGuard};

/// What an attempt at [`Once::call_once`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnceState {
    /// Nobody has begun.
    Fresh,
    /// A process died in the middle of it: what it was to make may be there in part.
    OwnerDied,
    /// An attempt panicked: what it was to make may be there in part.
    Poisoned,
}

/// Runs a piece of work once, in one thread of one process, while all others wait for its end.
///
/// It is a [`Mutex`] for those who want to do the work, and a [`Latch`] that opens when it is done.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | before the work | another does it |
/// | in the work | the next one is told ([`OnceState::OwnerDied`]) and does it |
/// | after the work, before the latch is open | the same: the work must bear being done again |
/// | after the latch is open | it is done |
/// | a waiter | nobody notices |
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
/// use sync_primitives::Once;
///
/// let table = Shared::new(Once::new())?;
/// table.call_once(|_| println!("computing the table"))?;
/// table.call_once(|_| unreachable!("it is there"))?;
/// assert!(table.is_completed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Once {
    running: Mutex<()>,
    done: Latch,
}

// SAFETY: a mutex and a latch, each of which may live in shared memory.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl Shareable for Once {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Once", size_of::<Self>(), align_of::<Self>());
}

impl Once {
    /// Nothing is done yet.
    pub fn new() -> Once {
        Once { running: Mutex::new(()), done: Latch::of_one() }
    }

    /// Does the work, unless it is done, or waits while somebody else does it.
    ///
    /// # Errors
    ///
    /// `Deadlock` if `work` itself calls this; `TooManyHeld`, `Corrupt`, `Unsupported`.
    ///
    /// # Panics
    ///
    /// As `work` does; the next caller tries again.
    pub fn call_once(&self, work: impl FnOnce(OnceState)) -> Result<(), LockError<()>> {
        self.call_with(|| self.running.lock(), work)
    }

    /// As [`call_once`](Once::call_once), unless somebody is at it at this instant.
    ///
    /// # Errors
    ///
    /// `WouldBlock` then; else as [`call_once`](Once::call_once).
    pub fn try_call_once(&self, work: impl FnOnce(OnceState)) -> Result<(), LockError<()>> {
        self.call_with(|| self.running.try_lock(), work)
    }

    /// As [`call_once`](Once::call_once), waiting for others for `timeout` at most.
    ///
    /// # Errors
    ///
    /// `TimedOut`; else as [`call_once`](Once::call_once).
    pub fn call_once_timeout(
        &self,
        timeout: Duration,
        work: impl FnOnce(OnceState),
    ) -> Result<(), LockError<()>> {
        self.call_with(|| self.running.lock_timeout(timeout), work)
    }

    /// As [`call_once`](Once::call_once), waiting for others until `deadline` at most.
    ///
    /// # Errors
    ///
    /// `TimedOut`; else as [`call_once`](Once::call_once).
    pub fn call_once_deadline(
        &self,
        deadline: Instant,
        work: impl FnOnce(OnceState),
    ) -> Result<(), LockError<()>> {
        self.call_with(|| self.running.lock_deadline(deadline), work)
    }

    /// True if the work is done at this instant.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.done.try_wait()
    }

    /// Waits until somebody has done the work.
    pub fn wait(&self) {
        self.done.wait();
    }

    /// Waits until somebody has done the work, for `timeout` at most; tells whether.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.done.wait_timeout(timeout)
    }

    /// Waits until somebody has done the work, until `deadline` at most; tells whether.
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.done.wait_deadline(deadline)
    }

    fn call_with<'a>(
        &self,
        lock: impl FnOnce() -> LockResult<'a, ()>,
        work: impl FnOnce(OnceState),
    ) -> Result<(), LockError<()>> {
        if self.is_completed() {
            return Ok(());
        }
        let (guard, state) = match lock() {
            Ok(guard) => (guard, OnceState::Fresh),
            Err(LockError::OwnerDied(guard)) => (guard, OnceState::OwnerDied),
            Err(LockError::Poisoned(guard)) => (guard, OnceState::Poisoned),
            Err(error) => return Err(error.map(drop)),
        };
        if !self.is_completed() {
            work(state);
            // The one arrival: nobody else gets here while we hold the lock.
            let _ = self.done.count_down(1);
        }
        MutexGuard::mark_consistent(&guard);
        Ok(())
    }
}

impl Default for Once {
    fn default() -> Self {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Once")
            .field("completed", &self.is_completed())
            .finish_non_exhaustive()
    }
}
