//! Waiting for a word to change, and changing it, so that no death in between strands a sleeper.
//!
//! Who changes a word and is killed before the wake-up would leave the sleepers asleep. So each
//! primitive has, beside the word that its waiters watch, a *bell*: a word that is always 0. Waker
//! and waiter alike name the bell to the kernel for the time of their operation (a [`Vigil`]), and
//! the kernel's rule for a dying thread with a named word that holds no thread's number is to wake
//! one sleeper there. Sleepers wait for both words at once (`futex_waitv`), and whoever hears the
//! bell wakes the others: so the wake-up that the dead one owed is made up for, and one that a dead
//! waiter had been given is passed on.
//!
//! | dies | then |
//! |---|---|
//! | a waker before its store | the bell wakes somebody, who finds nothing new, for nothing |
//! | a waker between store and wake-up | the bell wakes somebody, who wakes the others |
//! | a waiter before it sleeps, or asleep | the bell wakes somebody, for nothing |
//! | a waiter that was woken | the bell wakes another in its place |
//! | who hears the bell, before it has woken the others | the bell again: it is on a vigil, too |
//!
//! A kernel without `futex_waitv` (before 5.16) waits for the first word only, and looks again
//! every 50 ms.
//!
//! In a signal handler that has interrupted another operation of this crate, the name of that
//! operation stays: it protects a lock. The wake-up is then only as sure as the handler's life.

use crate::deadline::Deadline;
use crate::platform::{self, AtomicU32, Thread};
use crate::sys::Woken;

/// A word that is always 0, by which the kernel makes up for wake-ups of the dead.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(crate) struct Bell(AtomicU32);

impl Bell {
    pub(crate) fn new() -> Bell {
        Bell(AtomicU32::new(0))
    }

    /// The bell with its value, for those who wait for several words.
    pub(crate) fn silent(&self) -> (&AtomicU32, u32) {
        (&self.0, 0)
    }

    /// What must be done if the bell is found with another value: somebody has written over it.
    pub(crate) fn mend(&self) {
        if self.0.load(platform::Ordering::Relaxed) != 0 {
            self.0.store(0, platform::Ordering::Relaxed);
        }
    }
}

/// The time in which the kernel looks at one word if this thread dies, and wakes somebody there if
/// the word holds no thread's number.
#[derive(Debug)]
pub(crate) struct Naming(bool);

impl Naming {
    #[inline]
    pub(crate) fn begin(word: &AtomicU32) -> Naming {
        // Without a list the wake-ups are only as sure as the waker's life.
        let named = Thread::with(|thread| {
            let free = !thread.is_busy();
            if free {
                thread.begin(word);
            }
            free
        });
        Naming(named.unwrap_or(false))
    }

    /// False if the word could not be named.
    pub(crate) fn has_begun(&self) -> bool {
        self.0
    }
}

impl Drop for Naming {
    #[inline]
    fn drop(&mut self) {
        if self.0 {
            // A list that was there at the beginning is there still.
            let _ = Thread::with(Thread::end);
        }
    }
}

/// The time in which the kernel rings `bell` if this thread dies.
#[derive(Debug)]
pub(crate) struct Vigil<'a> {
    bell: &'a Bell,
    _naming: Naming,
}

impl<'a> Vigil<'a> {
    #[inline]
    pub(crate) fn begin(bell: &'a Bell) -> Vigil<'a> {
        Vigil { bell, _naming: Naming::begin(&bell.0) }
    }

    /// Sleeps while `word` is `expected`; false when the deadline has passed. May wake up early.
    pub(crate) fn sleep(&self, word: &AtomicU32, expected: u32, deadline: Deadline) -> bool {
        // If both have woken us, Linux names the last one, and the bell must not be missed.
        match platform::wait_any(&[(word, expected), self.bell.silent()], deadline) {
            Woken::At(0) => true,
            Woken::At(_) => {
                platform::wake(word, u32::MAX);
                true
            }
            Woken::LookAgain => {
                self.bell.mend();
                true
            }
            Woken::TimedOut => false,
        }
    }
}
