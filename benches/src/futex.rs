//! A flag on a bare futex: the least that one process can do to wake another, and be woken by it.

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};

use multiproc::Shareable;
use rustix::thread::futex;

/// How often our primitives look before they sleep.
pub(crate) const SPINS: u32 = 100;

/// Raised by one side and lowered by the other, which waits for it.
#[derive(Debug, Default, Shareable)]
#[repr(C, align(64))]
pub(crate) struct Flag {
    word: AtomicU32,
}

impl Flag {
    /// Raises the flag and wakes who waits.
    pub(crate) fn raise(&self) {
        self.word.store(1, Ordering::Release); // Pairs with the acquire of `take`.
        wake(&self.word);
    }

    /// Waits until the flag is up, looking `spins` times before each sleep, and lowers it.
    pub(crate) fn take(&self, spins: u32) {
        while self.word.swap(0, Ordering::Acquire) == 0 {
            if !(0..spins).any(|_| self.is_up_after_a_moment()) {
                wait(&self.word, 0);
            }
        }
    }

    fn is_up_after_a_moment(&self) -> bool {
        hint::spin_loop();
        self.word.load(Ordering::Relaxed) == 1
    }
}

/// Sleeps while `word` is `expected`; may return early.
pub(crate) fn wait(word: &AtomicU32, expected: u32) {
    // The word may have changed already, or a signal come: callers look again either way.
    let _ = futex::wait(word, futex::Flags::empty(), expected, None);
}

/// Wakes all who sleep at `word`.
pub(crate) fn wake(word: &AtomicU32) {
    futex::wake(word, futex::Flags::empty(), i32::MAX as u32).expect("a mapped word can be woken");
}
