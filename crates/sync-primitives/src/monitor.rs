//! A mutex and a condition variable that belong together: Python's `Condition`.

use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::condvar::{Condvar, WaitResult};
use crate::mutex::{LockResult, Mutex, MutexGuard};

/// A [`Condvar`] with a [`Mutex`] of its own; what it guards lies elsewhere.
///
/// It is what a [`Condition`](crate::handles::Condition) leads to.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Monitor {
    mutex: Mutex<()>,
    condvar: Condvar,
}

// SAFETY: a mutex and a condition variable, each of which may live in shared memory.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl Shareable for Monitor {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Monitor", size_of::<Self>(), align_of::<Self>());
}

impl Monitor {
    /// A free mutex, for whose condition nobody waits.
    pub fn new() -> Monitor {
        Monitor { mutex: Mutex::new(()), condvar: Condvar::new() }
    }

    /// Takes the mutex.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`].
    pub fn lock(&self) -> LockResult<'_, ()> {
        self.mutex.lock()
    }

    /// Takes the mutex if it is free at this instant.
    ///
    /// # Errors
    ///
    /// As [`Mutex::try_lock`].
    pub fn try_lock(&self) -> LockResult<'_, ()> {
        self.mutex.try_lock()
    }

    /// Takes the mutex, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> LockResult<'_, ()> {
        self.mutex.lock_timeout(timeout)
    }

    /// Takes the mutex, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock_deadline`].
    pub fn lock_deadline(&self, deadline: Instant) -> LockResult<'_, ()> {
        self.mutex.lock_deadline(deadline)
    }

    /// Lets go of the mutex, waits for a notification, and takes the mutex again.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    pub fn wait<'a>(&self, guard: MutexGuard<'a, ()>) -> LockResult<'a, ()> {
        self.condvar.wait(guard)
    }

    /// As [`wait`](Monitor::wait), for `timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    pub fn wait_timeout<'a>(
        &self,
        guard: MutexGuard<'a, ()>,
        timeout: Duration,
    ) -> WaitResult<'a, ()> {
        self.condvar.wait_timeout(guard, timeout)
    }

    /// As [`wait`](Monitor::wait), until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait`].
    pub fn wait_deadline<'a>(
        &self,
        guard: MutexGuard<'a, ()>,
        deadline: Instant,
    ) -> WaitResult<'a, ()> {
        self.condvar.wait_deadline(guard, deadline)
    }

    /// Waits as long as `condition` holds of something that the mutex guards.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait_while`].
    pub fn wait_while<'a>(
        &self,
        guard: MutexGuard<'a, ()>,
        mut condition: impl FnMut() -> bool,
    ) -> LockResult<'a, ()> {
        self.condvar.wait_while(guard, |()| condition())
    }

    /// As [`wait_while`](Monitor::wait_while), for `timeout` at most in all.
    ///
    /// # Errors
    ///
    /// As [`Condvar::wait_while`].
    pub fn wait_timeout_while<'a>(
        &self,
        guard: MutexGuard<'a, ()>,
        timeout: Duration,
        mut condition: impl FnMut() -> bool,
    ) -> WaitResult<'a, ()> {
        self.condvar.wait_timeout_while(guard, timeout, |()| condition())
    }

    /// Wakes one waiter, if there is one. Never waits.
    pub fn notify_one(&self) {
        self.condvar.notify_one();
    }

    /// Wakes up to `count` waiters. Never waits.
    pub fn notify(&self, count: u32) {
        self.condvar.notify(count);
    }

    /// Wakes all waiters. Never waits.
    pub fn notify_all(&self) {
        self.condvar.notify_all();
    }
}
