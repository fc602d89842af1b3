//! Waiting, with a mutex let go, until somebody says that something has changed.

use std::fmt;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::LockError;
use crate::mutex::{LockResult, MutexGuard};
use crate::platform::{self, AtomicU32, Ordering};
use crate::robust::Patience;
use crate::vigil::{Bell, Vigil};

use Ordering::{Relaxed, SeqCst};

/// What a wait with a limit gives: the guard, and whether the time was up.
pub type WaitResult<'a, T> = Result<
    (MutexGuard<'a, T>, WaitTimeoutResult),
    LockError<(MutexGuard<'a, T>, WaitTimeoutResult)>,
>;

/// Whether a wait ended because its time was up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// True if the time was up before a notification came.
    pub fn timed_out(self) -> bool {
        self.0
    }
}

/// A condition variable between threads of any processes, for a [`Mutex`](crate::Mutex).
///
/// A notification counts up one word and wakes sleepers; it never waits for them, and needs no
/// lock. A waiter reads the word while it still has the mutex, lets go, and sleeps while the word
/// is the same, so it misses no notification. It may wake up for nothing: wait in a loop, or with
/// [`wait_while`](Condvar::wait_while).
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | a notifier before the word is counted up | nothing has happened |
/// | a notifier after it | the kernel wakes one waiter, which wakes the others: all look again |
/// | a waiter, asleep | nobody notices; `notify_one` wakes a live one |
/// | a waiter that was woken | the kernel wakes another in its place, until it asks for the mutex |
/// | a waiter that has the mutex again | [`LockError::OwnerDied`] for the next |
///
/// # Examples
///
/// ```
/// use ipc_shm::{Shareable, Shared};
/// use sync_primitives::{Condvar, Mutex};
///
/// #[derive(Shareable)]
/// #[repr(C)]
/// struct Stock {
///     buns: Mutex<u32>,
///     baked: Condvar,
/// }
///
/// let stock = Shared::new(Stock { buns: Mutex::new(0), baked: Condvar::new() })?;
/// let baker = stock.clone(); // In another process, say.
/// let baker = std::thread::spawn(move || {
///     *baker.buns.lock().unwrap() += 1;
///     baker.baked.notify_one();
/// });
/// let mut buns = stock.baked.wait_while(stock.buns.lock()?, |buns| *buns == 0)?;
/// *buns -= 1;
/// # baker.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Condvar {
    sequence: AtomicU32,
    /// At least as many as sleep: those who died asleep are counted for ever, at the price of
    /// system calls.
    waiters: AtomicU32,
    bell: Bell,
}

// SAFETY: three atomic words, of which every value is valid.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl Shareable for Condvar {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Condvar", size_of::<Self>(), align_of::<Self>());
}

impl Condvar {
    /// A condition variable for which nobody waits.
    pub fn new() -> Condvar {
        Condvar { sequence: AtomicU32::new(0), waiters: AtomicU32::new(0), bell: Bell::new() }
    }

    /// Lets go of the mutex, waits for a notification, and takes the mutex again.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`](crate::Mutex::lock): if a holder died meanwhile, with the guard.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<'a, T> {
        self.wait_within(guard, Deadline::NEVER).map(|(guard, _)| guard).map_err(drop_result)
    }

    /// As [`wait`](Condvar::wait), for `timeout` at most; taking the mutex again is not limited.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait). That the time was up is no error.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> WaitResult<'a, T> {
        self.wait_within(guard, Deadline::after(timeout))
    }

    /// As [`wait_timeout`](Condvar::wait_timeout), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait).
    pub fn wait_deadline<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
    ) -> WaitResult<'a, T> {
        self.wait_within(guard, Deadline::at(deadline))
    }

    /// Waits as long as `condition` holds of the data.
    ///
    /// # Errors
    ///
    /// As [`wait`](Condvar::wait); the condition is not asked of data that may be damaged.
    pub fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<'a, T> {
        let result = self.wait_while_within(guard, Deadline::NEVER, condition);
        result.map(|(guard, _)| guard).map_err(drop_result)
    }

    /// Waits as long as `condition` holds of the data, for `timeout` at most in all.
    ///
    /// # Errors
    ///
    /// As [`wait_while`](Condvar::wait_while).
    pub fn wait_timeout_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
        condition: impl FnMut(&mut T) -> bool,
    ) -> WaitResult<'a, T> {
        self.wait_while_within(guard, Deadline::after(timeout), condition)
    }

    /// Waits as long as `condition` holds of the data, until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`wait_while`](Condvar::wait_while).
    pub fn wait_deadline_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Instant,
        condition: impl FnMut(&mut T) -> bool,
    ) -> WaitResult<'a, T> {
        self.wait_while_within(guard, Deadline::at(deadline), condition)
    }

    /// Wakes one waiter, if there is one. Never waits.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes up to `count` waiters; there is no memory for later ones. Never waits.
    pub fn notify(&self, count: u32) {
        let _vigil = Vigil::begin(&self.bell);
        // SeqCst here and where a waiter counts itself: either it is seen, or it sees the change.
        self.sequence.fetch_add(1, SeqCst);
        if self.waiters.load(SeqCst) > 0 {
            platform::wake(&self.sequence, count);
        }
    }

    /// Wakes all waiters. Never waits.
    pub fn notify_all(&self) {
        self.notify(u32::MAX);
    }

    fn wait_while_within<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: Deadline,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> WaitResult<'a, T> {
        let mut timed_out = false;
        while condition(&mut guard) {
            if timed_out {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            let (again, result) = self.wait_within(guard, deadline)?;
            (guard, timed_out) = (again, result.timed_out() || deadline.is_past());
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    fn wait_within<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Deadline,
    ) -> WaitResult<'a, T> {
        let mutex = MutexGuard::mutex(&guard);
        // While we have the mutex, nobody who needs it to change something can notify.
        let sequence = self.sequence.load(Relaxed);
        self.waiters.fetch_add(1, SeqCst);
        drop(guard);
        // It lasts until the mutex has been asked for, which names a word of its own: a death
        // between the two would take a notification with it.
        let vigil = Vigil::begin(&self.bell);
        let notified = self.sleep_while(&vigil, sequence, deadline);
        self.waiters.fetch_sub(1, Relaxed);
        let result = WaitTimeoutResult(!notified);
        let condition = mutex.raw().lock(Patience::ENDLESS).map_err(LockError::from);
        drop(vigil);
        let condition = condition?;
        let guard = MutexGuard::held(mutex, condition);
        guard.map(|guard| (guard, result)).map_err(|error| error.map(|guard| (guard, result)))
    }

    /// Sleeps while the word is `sequence`; false when the deadline has passed first.
    fn sleep_while(&self, vigil: &Vigil<'_>, sequence: u32, deadline: Deadline) -> bool {
        loop {
            if self.sequence.load(Relaxed) != sequence {
                return true; // The mutex orders what the notifier has written.
            }
            if deadline.is_past() {
                return false;
            }
            vigil.sleep(&self.sequence, sequence, deadline);
        }
    }
}

fn drop_result<'a, T>(
    error: LockError<(MutexGuard<'a, T>, WaitTimeoutResult)>,
) -> LockError<MutexGuard<'a, T>> {
    error.map(|(guard, _)| guard)
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Condvar").finish_non_exhaustive()
    }
}
