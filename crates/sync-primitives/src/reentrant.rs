//! A mutex that its holder can take again.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::thread;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::{LockError, NotHeld};
use crate::platform::Ordering::Relaxed;
use crate::robust::{CONSISTENT, Condition, POISONED, Patience, Refused, RobustWord};

/// What locking gives: a guard, or why there is none, or a guard with a warning.
pub type ReentrantLockResult<'a, T> =
    Result<ReentrantMutexGuard<'a, T>, LockError<ReentrantMutexGuard<'a, T>>>;

/// A mutex that the thread which holds it can lock again; others get it when the last guard goes.
///
/// The guards of one thread exist side by side, so they give shared references only: keep what
/// changes in atomics or cells of its own. When a process dies, the table of
/// [`Mutex`](crate::Mutex) holds, however often the dead one had locked.
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
/// use sync_primitives::ReentrantMutex;
///
/// let printer = Shared::new(ReentrantMutex::new(()))?;
/// let page = printer.lock()?;
/// let line = printer.lock()?; // `Mutex` would say `Deadlock`.
/// # drop((page, line));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct ReentrantMutex<T> {
    raw: RobustWord,
    data: T,
}

// SAFETY: a lock word, numbers, and a `T` that may live in shared memory itself.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl<T: Shareable> Shareable for ReentrantMutex<T> {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::ReentrantMutex", size_of::<Self>(), align_of::<Self>())
            .with(T::LAYOUT);
}

impl<T> ReentrantMutex<T> {
    /// A free mutex around `data`.
    pub fn new(data: T) -> ReentrantMutex<T> {
        ReentrantMutex { raw: RobustWord::new(), data }
    }

    /// Takes the lock, waiting as long as another live thread holds it.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`](crate::Mutex::lock); `TooManyHeld` also for the 2³²nd guard of one mutex.
    /// `Deadlock` only if this thread holds it by a handle that maps the memory at another place,
    /// as one does that has come back from another process.
    #[inline]
    pub fn lock(&self) -> ReentrantLockResult<'_, T> {
        self.lock_patiently(Patience::ENDLESS)
    }

    /// Takes the lock if no other thread holds it at this instant.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`] if another holds it; else as [`lock`](ReentrantMutex::lock).
    #[inline]
    pub fn try_lock(&self) -> ReentrantLockResult<'_, T> {
        self.lock_patiently(Patience::None)
    }

    /// Takes the lock, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`lock`](ReentrantMutex::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> ReentrantLockResult<'_, T> {
        self.lock_patiently(Patience::Until(Deadline::after(timeout)))
    }

    /// Takes the lock, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`lock`](ReentrantMutex::lock).
    pub fn lock_deadline(&self, deadline: Instant) -> ReentrantLockResult<'_, T> {
        self.lock_patiently(Patience::Until(Deadline::at(deadline)))
    }

    /// How many guards the calling thread has; 0 if it does not hold the lock.
    pub fn depth(&self) -> u32 {
        if self.raw.is_held() { self.raw.note.load(Relaxed) } else { 0 }
    }

    /// True if some thread holds the lock at this instant.
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// True if a holder has died or panicked since the data were last marked consistent.
    pub fn is_poisoned(&self) -> bool {
        self.raw.condition() != Condition::Consistent
    }

    /// Gives back one of the times that this thread has locked and [kept](ReentrantMutexGuard::keep).
    ///
    /// # Errors
    ///
    /// When this thread does not hold the lock.
    pub fn release(&self) -> Result<(), NotHeld> {
        if self.leave() { Ok(()) } else { Err(NotHeld) }
    }

    #[inline]
    fn lock_patiently(&self, patience: Patience) -> ReentrantLockResult<'_, T> {
        let condition = self.enter(patience)?;
        let was_panicking = thread::panicking();
        let guard = ReentrantMutexGuard { mutex: self, was_panicking, not_send: PhantomData };
        match condition {
            Condition::Consistent => Ok(guard),
            Condition::OwnerDied => Err(LockError::OwnerDied(guard)),
            Condition::Poisoned => Err(LockError::Poisoned(guard)),
        }
    }

    /// Only the holder writes the depth; who takes the lock after a death begins anew.
    #[inline]
    fn enter(&self, patience: Patience) -> Result<Condition, Refused> {
        if self.raw.lock_at_once() {
            self.raw.note.store(1, Relaxed);
            return Ok(self.raw.condition());
        }
        self.enter_in_full(patience)
    }

    #[cold]
    fn enter_in_full(&self, patience: Patience) -> Result<Condition, Refused> {
        let depth = self.depth();
        if depth == 0 {
            let condition = self.raw.lock(patience)?;
            self.raw.note.store(1, Relaxed);
            return Ok(condition);
        }
        self.raw.note.store(depth.checked_add(1).ok_or(Refused::TooManyHeld)?, Relaxed);
        Ok(self.raw.condition())
    }

    /// Lets go once; false if this thread does not hold the lock.
    #[inline]
    fn leave(&self) -> bool {
        // Whatever another holder writes there, it is the depth if the lock is ours.
        if self.raw.note.load(Relaxed) <= 1 { self.raw.unlock() } else { self.rise() }
    }

    #[cold]
    fn rise(&self) -> bool {
        let depth = self.depth();
        if depth > 1 {
            self.raw.note.store(depth - 1, Relaxed);
        }
        depth > 1
    }
}

impl<T: Default> Default for ReentrantMutex<T> {
    fn default() -> Self {
        ReentrantMutex::new(T::default())
    }
}

impl<T> fmt::Debug for ReentrantMutex<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ReentrantMutex")
            .field("locked", &self.is_locked())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

/// One of the times that a thread holds the lock. In a forked child it does nothing.
#[must_use = "the lock is given back at once if the guard is dropped"]
pub struct ReentrantMutexGuard<'a, T> {
    mutex: &'a ReentrantMutex<T>,
    was_panicking: bool,
    not_send: PhantomData<*const ()>,
}

impl<T> ReentrantMutexGuard<'_, T> {
    /// Says that the data are well again, after [`LockError::OwnerDied`] or `Poisoned`.
    pub fn mark_consistent(guard: &Self) {
        guard.mutex.raw.set_state(CONSISTENT);
    }
}

impl<T> ReentrantMutexGuard<'_, T> {
    /// Keeps the lock until [`ReentrantMutex::release`], or the end of this thread.
    ///
    /// The memory of the mutex must stay mapped until then, or the kernel loses sight of the lock;
    /// waiters notice after a second.
    pub fn keep(guard: Self) {
        std::mem::forget(guard);
    }
}

impl<T> Deref for ReentrantMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.mutex.data
    }
}

impl<T> Drop for ReentrantMutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.was_panicking && thread::panicking() && self.mutex.raw.is_held() {
            self.mutex.raw.set_state(POISONED);
        }
        self.mutex.leave();
    }
}

impl<T: fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
