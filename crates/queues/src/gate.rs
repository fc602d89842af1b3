//! Where one side of a queue waits for the other: for items, or for room.
//!
//! The word of a gate:
//!
//! | bits | meaning |
//! |---|---|
//! | `SLEEPERS` | somebody may sleep at the word |
//! | `POLLED` | somebody may sleep at the bell, which does not ring yet |
//! | the rest | counts the wake-ups, so that nobody falls asleep past one |
//!
//! # Sleeping at the word
//!
//! 1. The sleeper sets `SLEEPERS`, 2. looks once more at the ring, 3. sleeps while the word is as it
//!    was. Dies: the mark is too much, and costs a waker one system call.
//!
//! 1. The waker commits its change of the ring, 2. looks at the word. One of the two sees the other:
//!    that is what the fences are for. 3. It counts the word up and wakes one. If nobody slept, it
//!    clears the mark, and wakes whoever has fallen asleep with the mark meanwhile. Dies after 1:
//!    sleepers stay asleep, for [`NAP`] at most, and then look. Those who have napped for nothing and
//!    have no bell, or wait for something else besides, look after [`LOOK`]: producers, who join, and
//!    consumers while others have leases.
//!
//! A sleeper that is woken and dies leaves what it was woken for to others that sleep, who look
//! after their nap. This is the quick way, for partners that answer soon.
//!
//! # Sleeping at the bell
//!
//! Who has napped for nothing goes to sleep for good, at a descriptor, the bell, and at another by
//! which the kernel tells of the end of the other side. So do those who wait for several things at
//! once. Here no death may leave anybody asleep, so the bell is rung *before* the change, under the
//! changer's lock:
//!
//! 1. The sleeper takes the lock of the other side, sets `POLLED`, and looks at the ring. 2. If there
//!    is nothing, it silences the bell. 3. It lets go and sleeps until the bell rings. It leaves it
//!    ringing for others who sleep there, until somebody finds nothing (1).
//!
//! 1. The changer holds its lock. If `POLLED` is set, it rings, 2. and clears the mark. 3. It
//!    commits its change. Dies after 1 or 2: somebody wakes for nothing, waits for the dead one's
//!    lock, and begins again. Closing the queue is such a change, too.
//!
//! Some changes are made without the lock: an item comes back or is done, or the queue is closed
//! while a producer is stopped. Then the bell is rung *after* the change, and the mark stays. Whoever
//! has silenced the bell looks once more, in case it silenced that.

use std::time::{Duration, Instant};

use ipc_shm::Shareable;
use sync_primitives::futex;

use crate::platform::{self, AtomicU32, Ordering};

use Ordering::{Relaxed, SeqCst};

const SLEEPERS: u32 = 1;
const POLLED: u32 = 2;
const WAKE_UP: u32 = 4;

/// How long a sleeper stays at the word, and so the longest that a death can leave it there.
pub(crate) const NAP: Duration = Duration::from_millis(50);

/// How long those sleep at the word who have no bell. They also see by then that nobody is left on the
/// other side.
pub(crate) const LOOK: Duration = Duration::from_millis(250);

/// One side's waiting place.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Gate {
    word: AtomicU32,
    /// The processor on which the last waker ran, and one more: a hint.
    waker: AtomicU32,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate { word: AtomicU32::new(0), waker: AtomicU32::new(0) }
    }

    /// Says that the caller is about to sleep. It then looks at the ring again, and sleeps with what
    /// this gives.
    pub(crate) fn announce(&self) -> u32 {
        // SeqCst: either we see what was committed before a waker looked here, or it sees the mark.
        let word = self.word.fetch_or(SLEEPERS, SeqCst) | SLEEPERS;
        futex::fence_after_exchange();
        word
    }

    /// Sleeps unless somebody was woken since `announced`, until `deadline` at most.
    pub(crate) fn sleep(&self, announced: u32, deadline: Instant) {
        futex::wait(&self.word, announced, Some(deadline));
    }

    /// The word and what it must be for a sleep, for those who wait for several things.
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// True if who woke last ran on the processor that runs the caller: then it does nothing while
    /// the caller looks.
    pub(crate) fn is_woken_from_here(&self) -> bool {
        self.waker.load(Relaxed) == platform::processor()
    }

    /// Wakes up to `count` sleepers, after a change has been committed and a lock given back.
    #[inline]
    pub(crate) fn wake(&self, count: u32) {
        // Giving a lock back is an exchange: what was committed is seen before we look here.
        futex::fence_after_exchange();
        if self.word.load(Relaxed) & SLEEPERS != 0 {
            self.wake_sleepers(count);
        }
    }

    #[cold]
    fn wake_sleepers(&self, count: u32) {
        self.waker.store(platform::processor(), Relaxed);
        // Relaxed: the futex orders what it wakes, and sleepers look at the ring with their own.
        let word = self.word.fetch_add(WAKE_UP, Relaxed).wrapping_add(WAKE_UP);
        if futex::wake(&self.word, count) == 0 {
            // Nobody slept. Who was about to sleep finds the word changed, and announces itself anew. Who
            // has announced itself since sleeps at this very word, perhaps: it does so, too.
            let cleared = self.word.compare_exchange(word, word & !SLEEPERS, Relaxed, Relaxed);
            if cleared.is_ok() {
                futex::wake(&self.word, u32::MAX);
            }
        }
    }

    /// True if the bell must be rung before the next change; for the holder of the lock.
    #[inline]
    pub(crate) fn is_polled(&self) -> bool {
        // Relaxed: the lock orders it after the mark of whoever looked at the ring under it.
        self.word.load(Relaxed) & POLLED != 0
    }

    /// Has the next change ring the bell; for the holder of the lock. It then looks at the ring.
    pub(crate) fn set_polled(&self) {
        // SeqCst: as in `announce`, for changes that are made without the lock.
        self.word.fetch_or(POLLED, SeqCst);
        futex::fence_after_exchange();
    }

    /// The bell has been rung.
    pub(crate) fn clear_polled(&self) {
        self.word.fetch_and(!POLLED, Relaxed);
    }
}
