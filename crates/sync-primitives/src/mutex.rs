//! A mutex whose holder may die: the next locker gets it, and is told.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::{LockError, NotHeld};
use crate::robust::{CONSISTENT, Condition, POISONED, Patience, RobustWord};

/// What locking gives: a guard, or why there is none, or a guard with a warning.
pub type LockResult<'a, T> = Result<MutexGuard<'a, T>, LockError<MutexGuard<'a, T>>>;

/// Mutual exclusion between threads of any processes that share its memory.
///
/// It is a plain value: put it into a struct of your own that is [`Shareable`], and that into a
/// [`Shared`](ipc_shm::Shared). [`Lock`](crate::handles::Lock) is the same ready-made, without data.
///
/// # When a process dies
///
/// | the holder dies | then |
/// |---|---|
/// | before it has the lock | nothing has happened; a waiter that was woken for it is replaced |
/// | while it holds the lock | the next locker gets [`LockError::OwnerDied`], with the guard |
/// | while it lets go | the next locker gets the lock, with or without that error, never neither |
/// | asleep, waiting | nobody notices |
///
/// The kernel does this at the instant of death, by whatever signal, exit or `exec`; a thread that
/// ends counts as a process that ends. A holder that is *stopped* is not dead: others wait for it,
/// as long as they wish. After a fork the parent holds what it held, and the child's copies of the
/// guards do nothing.
///
/// A panic while the lock is held poisons it, as in [`std::sync::Mutex`].
///
/// # Examples
///
/// ```
/// use ipc_shm::{Shareable, Shared};
/// use sync_primitives::Mutex;
///
/// #[derive(Shareable)]
/// #[repr(C)]
/// struct Account {
///     number: u64,
///     cents: Mutex<i64>,
/// }
///
/// let account = Shared::new(Account { number: 7, cents: Mutex::new(100) })?;
/// *account.cents.lock()? -= 30;
/// assert_eq!(*account.cents.lock()?, 70);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Mutex<T> {
    raw: RobustWord,
    data: UnsafeCell<T>,
}

// SAFETY: only the holder of the lock reaches the data, and another thread has them afterwards.
#[allow(unsafe_code, reason = "a lock makes data that can be sent shareable")]
unsafe impl<T: Send> Sync for Mutex<T> {}

// A panic while the data are changed poisons the lock, so nobody sees them by accident.
impl<T> UnwindSafe for Mutex<T> {}
impl<T> RefUnwindSafe for Mutex<T> {}

// SAFETY: a lock word, numbers, and a `T` that may live in shared memory itself.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl<T: Shareable> Shareable for Mutex<T> {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Mutex", size_of::<Self>(), align_of::<Self>())
            .with(T::LAYOUT);
}

impl<T> Mutex<T> {
    /// A free mutex around `data`.
    pub fn new(data: T) -> Mutex<T> {
        Mutex { raw: RobustWord::new(), data: UnsafeCell::new(data) }
    }

    /// Takes the lock, waiting as long as a live thread holds it.
    ///
    /// # Errors
    ///
    /// With the guard: [`LockError::OwnerDied`], [`LockError::Poisoned`]. Without: `Deadlock` if
    /// this thread holds it already, `TooManyHeld`, `Corrupt`, `Unsupported`.
    #[inline]
    pub fn lock(&self) -> LockResult<'_, T> {
        self.lock_patiently(Patience::ENDLESS)
    }

    /// Takes the lock if it is free at this instant.
    ///
    /// # Errors
    ///
    /// [`LockError::WouldBlock`] if it is held; else as [`lock`](Mutex::lock).
    #[inline]
    pub fn try_lock(&self) -> LockResult<'_, T> {
        self.lock_patiently(Patience::None)
    }

    /// Takes the lock, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`lock`](Mutex::lock).
    pub fn lock_timeout(&self, timeout: Duration) -> LockResult<'_, T> {
        self.lock_patiently(Patience::Until(Deadline::after(timeout)))
    }

    /// Takes the lock, waiting until `deadline` at most; a free lock is taken even after it.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`]; else as [`lock`](Mutex::lock).
    pub fn lock_deadline(&self, deadline: Instant) -> LockResult<'_, T> {
        self.lock_patiently(Patience::Until(Deadline::at(deadline)))
    }

    /// Takes the lock, and if a holder has died or panicked, has `repair` put the data in order.
    ///
    /// If this process dies while it repairs, the next locker repairs from the beginning.
    ///
    /// # Errors
    ///
    /// As [`lock`](Mutex::lock), but for those that come with a guard.
    ///
    /// # Examples
    ///
    /// ```
    /// use sync_primitives::Mutex;
    ///
    /// let pair = Mutex::new((1, 1));
    /// let _ = std::panic::catch_unwind(|| {
    ///     let mut pair = pair.lock().unwrap();
    ///     pair.0 = 2;
    ///     panic!("before the other half was written");
    /// });
    /// let pair = pair.lock_or_repair(|pair| pair.1 = pair.0)?;
    /// assert_eq!(*pair, (2, 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_or_repair(
        &self,
        repair: impl FnOnce(&mut T),
    ) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
        match self.lock() {
            Err(LockError::OwnerDied(mut guard) | LockError::Poisoned(mut guard)) => {
                repair(&mut guard);
                MutexGuard::mark_consistent(&guard);
                Ok(guard)
            }
            result => result,
        }
    }

    /// True if some thread holds the lock at this instant.
    pub fn is_locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// True if the calling thread holds the lock; false in a forked child, where the copies of its
    /// parent's guards hold nothing.
    #[inline]
    pub fn is_held(&self) -> bool {
        self.raw.is_held()
    }

    /// True if a holder has died or panicked since the data were last marked consistent.
    pub fn is_poisoned(&self) -> bool {
        self.raw.condition() != Condition::Consistent
    }

    /// The data, without the lock: a mutex that is borrowed mutably has no other users.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// The data, out of the mutex.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }

    #[inline]
    fn lock_patiently(&self, patience: Patience) -> LockResult<'_, T> {
        let condition = self.raw.lock(patience)?;
        MutexGuard::held(self, condition)
    }

    /// The lock without its data, for what is built on a mutex.
    pub(crate) fn raw(&self) -> &RobustWord {
        &self.raw
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mutex")
            .field("locked", &self.is_locked())
            .field("poisoned", &self.is_poisoned())
            .finish_non_exhaustive()
    }
}

impl Mutex<()> {
    /// Gives back the lock that this thread has [kept](MutexGuard::keep).
    ///
    /// # Errors
    ///
    /// When this thread does not hold it.
    ///
    /// # Examples
    ///
    /// ```
    /// use sync_primitives::{Mutex, MutexGuard};
    ///
    /// let mutex = Mutex::new(());
    /// MutexGuard::keep(mutex.lock()?);
    /// assert!(mutex.is_locked());
    /// mutex.release()?;
    /// assert!(mutex.release().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn release(&self) -> Result<(), NotHeld> {
        if self.raw.unlock() { Ok(()) } else { Err(NotHeld) }
    }
}

/// The lock, held; dropping it lets go.
///
/// It stays with the thread that locked. In a forked child it does nothing.
#[must_use = "the lock is given back at once if the guard is dropped"]
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    was_panicking: bool,
    /// The kernel knows which thread holds the lock.
    not_send: PhantomData<*const ()>,
}

// SAFETY: through a shared guard one gets a shared reference to the data, which are `Sync`.
#[allow(unsafe_code, reason = "the raw pointer in the marker takes `Sync` away too")]
unsafe impl<T: Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T> MutexGuard<'a, T> {
    /// A guard for a lock that this thread has just been given in `condition`.
    #[inline]
    pub(crate) fn held(mutex: &'a Mutex<T>, condition: Condition) -> LockResult<'a, T> {
        let was_panicking = thread::panicking();
        let guard = MutexGuard { mutex, was_panicking, not_send: PhantomData };
        match condition {
            Condition::Consistent => Ok(guard),
            Condition::OwnerDied => Err(LockError::OwnerDied(guard)),
            Condition::Poisoned => Err(LockError::Poisoned(guard)),
        }
    }

    /// Says that the data are well again, after [`LockError::OwnerDied`] or `Poisoned`.
    pub fn mark_consistent(guard: &Self) {
        guard.mutex.raw.set_state(CONSISTENT);
    }

    /// The mutex that the guard belongs to.
    pub(crate) fn mutex(guard: &Self) -> &'a Mutex<T> {
        guard.mutex
    }
}

impl MutexGuard<'_, ()> {
    /// Keeps the lock until [`Mutex::release`], or the end of this thread.
    ///
    /// The memory of the mutex must stay mapped until then, or the kernel loses sight of the lock;
    /// waiters notice after a second.
    pub fn keep(guard: Self) {
        std::mem::forget(guard);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[allow(unsafe_code, reason = "reads what the lock protects")]
    fn deref(&self) -> &T {
        // SAFETY: the guard lives, so this thread holds the lock, and nobody else has a reference.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[allow(unsafe_code, reason = "writes what the lock protects")]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.was_panicking && thread::panicking() && self.mutex.raw.is_held() {
            self.mutex.raw.set_state(POISONED);
        }
        self.mutex.raw.unlock();
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
