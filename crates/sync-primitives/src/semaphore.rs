//! A count that one can take from and add to, from any process.

use std::fmt;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::{InvalidCount, TooManyReleases};
use crate::platform::{self, AtomicU32, Ordering, Spin};
use crate::robust::Patience;
use crate::vigil::{Bell, Vigil};

use Ordering::{Acquire, Relaxed, Release};

/// Somebody may sleep, waiting for the count to rise.
const WAITERS: u32 = 1 << 31;

/// A counting semaphore: [`acquire`](Semaphore::acquire) takes one from the count, waiting while
/// it is 0, and [`release`](Semaphore::release) adds one, from any thread of any process.
///
/// Nobody owns what was taken, so that one process can release what another has acquired, as with
/// POSIX semaphores and those of Python. The price: what a process has taken when it dies is
/// gone. To limit how many do something at once, use a
/// [`BoundedSemaphore`](crate::BoundedSemaphore), whose permits come back.
///
/// The whole state is one word: the count, and whether somebody may sleep. That mark stays until a
/// release finds nobody asleep, and who takes one after having slept sets it again, so that it is
/// never lost with a process that dies.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | `acquire` before its one store | the count is as it was |
/// | `acquire` after it | one is gone with the process |
/// | `release` before its one store | the count is as it was |
/// | `release` after it | the count has risen, and a waiter wakes: the kernel wakes it |
/// | a waiter | nobody notices; if it had been woken, the kernel wakes another |
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
/// use sync_primitives::Semaphore;
///
/// let items = Shared::new(Semaphore::new(0)?)?;
/// assert!(!items.try_acquire());
/// items.release()?;
/// items.acquire();
/// assert_eq!(items.value(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Semaphore {
    word: AtomicU32,
    bell: Bell,
}

// SAFETY: two atomic words, of which every value is valid.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl Shareable for Semaphore {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Semaphore", size_of::<Self>(), align_of::<Self>());
}

impl Semaphore {
    /// The highest count.
    pub const MAX: u32 = i32::MAX as u32;

    /// A semaphore with this count.
    ///
    /// # Errors
    ///
    /// When `value` is above [`MAX`](Semaphore::MAX).
    pub fn new(value: u32) -> Result<Semaphore, InvalidCount> {
        if value > Semaphore::MAX {
            return Err(InvalidCount {
                count: u64::from(value),
                least: 0,
                most: Semaphore::MAX.into(),
            });
        }
        Ok(Semaphore { word: AtomicU32::new(value), bell: Bell::new() })
    }

    /// Takes one, waiting until there is one.
    #[inline]
    pub fn acquire(&self) {
        self.acquire_patiently(Patience::ENDLESS);
    }

    /// Takes one if there is one at this instant; tells whether.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.acquire_patiently(Patience::None)
    }

    /// Takes one, waiting for `timeout` at most; tells whether.
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        self.acquire_patiently(Patience::Until(Deadline::after(timeout)))
    }

    /// Takes one, waiting until `deadline` at most; tells whether.
    pub fn acquire_deadline(&self, deadline: Instant) -> bool {
        self.acquire_patiently(Patience::Until(Deadline::at(deadline)))
    }

    /// Adds one and wakes a waiter. Never waits.
    ///
    /// # Errors
    ///
    /// When the count is [`MAX`](Semaphore::MAX) already.
    #[inline]
    pub fn release(&self) -> Result<(), TooManyReleases> {
        self.release_many(1)
    }

    /// Adds `count` and wakes as many waiters. Never waits.
    ///
    /// # Errors
    ///
    /// When the count would be above [`MAX`](Semaphore::MAX); nothing is added then.
    #[inline]
    pub fn release_many(&self, count: u32) -> Result<(), TooManyReleases> {
        let _vigil = Vigil::begin(&self.bell);
        let mut word = self.word.load(Relaxed);
        loop {
            let value = (word & !WAITERS).checked_add(count).ok_or(TooManyReleases)?;
            if value > Semaphore::MAX {
                return Err(TooManyReleases);
            }
            // Release pairs with the acquire of who takes it: it sees what was written before.
            let risen = value | (word & WAITERS);
            match self.word.compare_exchange_weak(word, risen, Release, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & WAITERS != 0 {
            self.wake(count);
        }
        Ok(())
    }

    /// The count at this instant.
    pub fn value(&self) -> u32 {
        self.word.load(Relaxed) & !WAITERS
    }

    #[cold]
    fn wake(&self, count: u32) {
        if platform::wake(&self.word, count) == 0 {
            // Nobody slept. Who is about to sleep finds the word changed, and looks again.
            let word = self.word.load(Relaxed);
            if word != WAITERS {
                let alone = word & !WAITERS;
                let _ = self.word.compare_exchange(word, alone, Relaxed, Relaxed);
            }
        }
    }

    #[inline]
    fn acquire_patiently(&self, patience: Patience) -> bool {
        let word = self.word.load(Relaxed);
        word & !WAITERS != 0 && self.take(word, word - 1) || self.acquire_slow(patience)
    }

    #[inline]
    fn take(&self, word: u32, rest: u32) -> bool {
        self.word.compare_exchange(word, rest, Acquire, Relaxed).is_ok() // Pairs with `release`.
    }

    /// For one who has slept and gives up: a release may have cleared the mark while others slept,
    /// counting on the one whom it woke to set it again.
    fn leave_mark(&self) {
        if self.word.fetch_or(WAITERS, Relaxed) & !WAITERS != 0 {
            // It has risen meanwhile, perhaps without the mark: nobody else wakes them.
            platform::wake(&self.word, 1);
        }
    }

    #[cold]
    fn acquire_slow(&self, patience: Patience) -> bool {
        let vigil = Vigil::begin(&self.bell);
        let (mut spin, mut waiters) = (Spin::default(), 0);
        loop {
            let word = self.word.load(Relaxed);
            if word & !WAITERS != 0 {
                if self.take(word, (word - 1) | waiters) {
                    if waiters != 0 && word & !WAITERS > 1 {
                        // The wake-ups for several may all have come to us.
                        platform::wake(&self.word, 1);
                    }
                    return true;
                }
                continue;
            }
            let Patience::Until(deadline) = patience else { return false };
            if word & WAITERS == 0 && spin.once() {
                continue;
            }
            if deadline.is_past() {
                if waiters != 0 {
                    self.leave_mark();
                }
                return false;
            }
            let marked =
                word == WAITERS || self.word.compare_exchange(0, WAITERS, Relaxed, Relaxed).is_ok();
            if marked {
                waiters = WAITERS;
                vigil.sleep(&self.word, WAITERS, deadline);
            }
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Semaphore").field("value", &self.value()).finish_non_exhaustive()
    }
}
