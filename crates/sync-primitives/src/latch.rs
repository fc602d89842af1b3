//! A gate that opens once a number of arrivals have been counted, and stays open.

use std::fmt;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::{InvalidCount, TooManyReleases};
use crate::platform::{self, AtomicU32, Ordering};
use crate::vigil::{Bell, Vigil};

use Ordering::{Acquire, Relaxed, Release};

/// Somebody may sleep, waiting for the count to reach 0.
const WAITERS: u32 = 1 << 31;

/// A count that goes down to 0 and opens for all who wait: "when all workers are ready".
///
/// Arrivals belong to nobody: a process that dies before it has counted down leaves the latch
/// closed, so wait with a timeout where that matters, or use a [`Barrier`](crate::Barrier), which
/// knows its parties.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | `count_down` before its one store | it has not arrived |
/// | `count_down` after it | it has; if it was the last, the kernel wakes a waiter, which wakes all |
/// | a waiter | nobody notices |
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
/// use sync_primitives::Latch;
///
/// let ready = Shared::new(Latch::new(2)?)?;
/// ready.count_down(1)?;
/// assert!(!ready.try_wait());
/// ready.count_down(1)?;
/// ready.wait();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Latch {
    word: AtomicU32,
    bell: Bell,
}

// SAFETY: two atomic words, of which every value is valid.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl Shareable for Latch {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Latch", size_of::<Self>(), align_of::<Self>());
}

impl Latch {
    /// The highest count.
    pub const MAX: u32 = i32::MAX as u32;

    /// A latch that opens after `count` arrivals; with 0 it is open.
    ///
    /// # Errors
    ///
    /// When `count` is above [`MAX`](Latch::MAX).
    pub fn new(count: u32) -> Result<Latch, InvalidCount> {
        if count > Latch::MAX {
            return Err(InvalidCount { count: count.into(), least: 0, most: Latch::MAX.into() });
        }
        Ok(Latch { word: AtomicU32::new(count), bell: Bell::new() })
    }

    /// A latch that one arrival opens.
    pub(crate) fn of_one() -> Latch {
        Latch { word: AtomicU32::new(1), bell: Bell::new() }
    }

    /// Counts `arrivals`, and opens if they were the last. Never waits.
    ///
    /// # Errors
    ///
    /// When fewer arrivals are missing; nothing is counted then.
    pub fn count_down(&self, arrivals: u32) -> Result<(), TooManyReleases> {
        let _vigil = Vigil::begin(&self.bell);
        let mut word = self.word.load(Relaxed);
        loop {
            let left = (word & !WAITERS).checked_sub(arrivals).ok_or(TooManyReleases)?;
            let next = if left == 0 { 0 } else { left | (word & WAITERS) };
            // Release pairs with the acquire of those who find the latch open.
            match self.word.compare_exchange_weak(word, next, Release, Relaxed) {
                Ok(_) if left == 0 && word & WAITERS != 0 => {
                    platform::wake(&self.word, u32::MAX);
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// How many arrivals are missing at this instant.
    pub fn count(&self) -> u32 {
        self.word.load(Acquire) & !WAITERS
    }

    /// True if the latch is open at this instant.
    #[inline]
    pub fn try_wait(&self) -> bool {
        self.count() == 0
    }

    /// Waits until the latch opens.
    pub fn wait(&self) {
        self.wait_within(Deadline::NEVER);
    }

    /// Waits until the latch opens, for `timeout` at most; tells whether it did.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_within(Deadline::after(timeout))
    }

    /// Waits until the latch opens, until `deadline` at most; tells whether it did.
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_within(Deadline::at(deadline))
    }

    fn wait_within(&self, deadline: Deadline) -> bool {
        if self.try_wait() {
            return true;
        }
        let vigil = Vigil::begin(&self.bell);
        loop {
            let word = self.word.load(Acquire); // Pairs with `count_down`.
            if word & !WAITERS == 0 {
                return true;
            }
            if deadline.is_past() {
                return false;
            }
            let marked = word & WAITERS != 0
                || self.word.compare_exchange(word, word | WAITERS, Relaxed, Relaxed).is_ok();
            if marked {
                vigil.sleep(&self.word, word | WAITERS, deadline);
            }
        }
    }
}

impl fmt::Debug for Latch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Latch").field("count", &self.count()).finish_non_exhaustive()
    }
}
