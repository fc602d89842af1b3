//! Many readers or one writer, any of whom may die.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::LockError;
use crate::robust::{CONSISTENT, Condition, POISONED, Patience};
use crate::turnstile::Turnstile;

/// What reading gives: a guard, or why there is none, or a guard with a warning.
pub type ReadResult<'a, T> = Result<ReadGuard<'a, T>, LockError<ReadGuard<'a, T>>>;

/// What writing gives: a guard, or why there is none, or a guard with a warning.
pub type WriteResult<'a, T> = Result<WriteGuard<'a, T>, LockError<WriteGuard<'a, T>>>;

/// A lock that many can hold to read, or one to write, in any processes that share its memory.
///
/// Up to 32 read at a time; a 33rd waits until one of them leaves. A writer that waits keeps new
/// readers out, so that it is not starved; do not lock to read again while you read. It takes
/// 2,112 bytes besides the data: a place of its own for each reader, which the kernel gives back.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | a reader | its place is free; a writer that waits for it goes on. The data are well |
/// | a writer, waiting for readers | the next locker gets [`LockError::OwnerDied`], to be safe |
/// | a writer, writing | the next locker of either kind gets [`LockError::OwnerDied`] |
/// | a writer, letting go | the next gets the lock, with or without that error, never neither |
/// | a waiter | nobody notices; if it had been woken, another is |
///
/// Readers are told of a dead writer until a writer has marked the data consistent.
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
/// use sync_primitives::RwLock;
///
/// let rates = Shared::new(RwLock::new([1.0, 0.5]))?;
/// assert_eq!(rates.read()?[1], 0.5);
/// rates.write()?[1] = 0.25;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct RwLock<T> {
    turnstile: Turnstile,
    data: UnsafeCell<T>,
}

// SAFETY: a writer has the data for itself, and readers share them, for which `T` must be `Sync`.
#[allow(unsafe_code, reason = "a lock makes data that can be sent shareable")]
unsafe impl<T: Send + Sync> Sync for RwLock<T> {}

// A panic while the data are changed poisons the lock, so nobody sees them by accident.
impl<T> UnwindSafe for RwLock<T> {}
impl<T> RefUnwindSafe for RwLock<T> {}

// SAFETY: lock words, numbers, and a `T` that may live in shared memory itself.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl<T: Shareable> Shareable for RwLock<T> {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::RwLock", size_of::<Self>(), align_of::<Self>())
            .with(T::LAYOUT);
}

impl<T> RwLock<T> {
    /// A free lock around `data`.
    pub fn new(data: T) -> RwLock<T> {
        RwLock { turnstile: Turnstile::new(), data: UnsafeCell::new(data) }
    }

    /// Locks to read, waiting while a live thread writes or waits to write.
    ///
    /// # Errors
    ///
    /// With the guard: [`LockError::OwnerDied`], [`LockError::Poisoned`]. Without: `Deadlock` if
    /// this thread writes, `TooManyHeld`, `Corrupt`, `Unsupported`.
    #[inline]
    pub fn read(&self) -> ReadResult<'_, T> {
        self.read_patiently(Patience::ENDLESS)
    }

    /// Locks to read if nobody writes, or waits to, at this instant.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`]; else as [`read`](RwLock::read).
    #[inline]
    pub fn try_read(&self) -> ReadResult<'_, T> {
        self.read_patiently(Patience::None)
    }

    /// Locks to read, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`read`](RwLock::read).
    pub fn read_timeout(&self, timeout: Duration) -> ReadResult<'_, T> {
        self.read_patiently(Patience::Until(Deadline::after(timeout)))
    }

    /// Locks to read, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`read`](RwLock::read).
    pub fn read_deadline(&self, deadline: Instant) -> ReadResult<'_, T> {
        self.read_patiently(Patience::Until(Deadline::at(deadline)))
    }

    /// Locks to write, waiting while live threads read or write.
    ///
    /// # Errors
    ///
    /// As [`read`](RwLock::read); `Deadlock` if this thread reads or writes.
    #[inline]
    pub fn write(&self) -> WriteResult<'_, T> {
        self.write_patiently(Patience::ENDLESS)
    }

    /// Locks to write if nobody reads or writes at this instant.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`]; else as [`write`](RwLock::write).
    #[inline]
    pub fn try_write(&self) -> WriteResult<'_, T> {
        self.write_patiently(Patience::None)
    }

    /// Locks to write, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`write`](RwLock::write).
    pub fn write_timeout(&self, timeout: Duration) -> WriteResult<'_, T> {
        self.write_patiently(Patience::Until(Deadline::after(timeout)))
    }

    /// Locks to write, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`write`](RwLock::write).
    pub fn write_deadline(&self, deadline: Instant) -> WriteResult<'_, T> {
        self.write_patiently(Patience::Until(Deadline::at(deadline)))
    }

    /// True if a writer has died or panicked since the data were last marked consistent.
    pub fn is_poisoned(&self) -> bool {
        self.turnstile.condition() != Condition::Consistent
    }

    /// How many hold the lock to read at this instant.
    pub fn readers(&self) -> usize {
        self.turnstile.readers()
    }

    /// True if some thread writes, or waits for the last readers to leave, at this instant.
    pub fn is_write_locked(&self) -> bool {
        self.turnstile.is_closed()
    }

    #[inline]
    fn read_patiently(&self, patience: Patience) -> ReadResult<'_, T> {
        let (place, condition) = self.turnstile.enter(patience)?;
        let guard = ReadGuard { lock: self, place, not_send: PhantomData };
        with_warning(guard, condition)
    }

    #[inline]
    fn write_patiently(&self, patience: Patience) -> WriteResult<'_, T> {
        let condition = self.turnstile.close(patience)?;
        let was_panicking = thread::panicking();
        with_warning(WriteGuard { lock: self, was_panicking, not_send: PhantomData }, condition)
    }
}

#[inline]
fn with_warning<G>(guard: G, condition: Condition) -> Result<G, LockError<G>> {
    match condition {
        Condition::Consistent => Ok(guard),
        Condition::OwnerDied => Err(LockError::OwnerDied(guard)),
        Condition::Poisoned => Err(LockError::Poisoned(guard)),
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RwLock")
            .field("readers", &self.readers())
            .field("write_locked", &self.is_write_locked())
            .finish_non_exhaustive()
    }
}

/// The lock, held to read. In a forked child it does nothing.
#[must_use = "the lock is given back at once if the guard is dropped"]
pub struct ReadGuard<'a, T> {
    lock: &'a RwLock<T>,
    place: usize,
    not_send: PhantomData<*const ()>,
}

/// The lock, held to write. In a forked child it does nothing.
#[must_use = "the lock is given back at once if the guard is dropped"]
pub struct WriteGuard<'a, T> {
    lock: &'a RwLock<T>,
    was_panicking: bool,
    not_send: PhantomData<*const ()>,
}

impl<T> WriteGuard<'_, T> {
    /// Says that the data are well again, after [`LockError::OwnerDied`] or `Poisoned`.
    pub fn mark_consistent(guard: &Self) {
        guard.lock.turnstile.set_state(CONSISTENT);
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    #[allow(unsafe_code, reason = "reads what the lock protects")]
    fn deref(&self) -> &T {
        // SAFETY: this thread holds a reader's place, so nobody writes.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    #[allow(unsafe_code, reason = "reads what the lock protects")]
    fn deref(&self) -> &T {
        // SAFETY: this thread holds the gate and found all places free: nobody else has the data.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    #[allow(unsafe_code, reason = "writes what the lock protects")]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.turnstile.leave(self.place);
    }
}

impl<T> Drop for WriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let turnstile = &self.lock.turnstile;
        if !self.was_panicking && thread::panicking() && turnstile.is_ours() {
            turnstile.set_state(POISONED);
        }
        turnstile.open();
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
