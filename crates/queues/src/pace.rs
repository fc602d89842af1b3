//! How long a side that has caught up with the other waits before it looks again.
//!
//! Two sides that run at about the same speed on two cores meet at every item, and each look takes
//! the cache line from the other: both are then several times slower than each alone. If the one that
//! waits lets the other get ahead a little, they meet once for many items. But if the other answers
//! one item at a time, waiting is lost time. What was found after the last wait tells which it is.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The longest distance, in pauses of the processor: a microsecond or two.
const LONGEST: u32 = 64;

/// A distance that costs little to try out.
const SHORT: u32 = 4;

/// The distance, learned; each end has its own. It is a guess, so that nothing orders it.
#[derive(Debug)]
pub(crate) struct Pace(AtomicU32);

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace(AtomicU32::new(1))
    }

    /// How many pauses to wait before the first look.
    pub(crate) fn first_distance(&self) -> u32 {
        self.0.load(Relaxed)
    }

    /// After so many looks, the other side had got on by so many items.
    pub(crate) fn learn(&self, looks: u32, items: u32) {
        let distance = self.0.load(Relaxed);
        let at_once = looks <= 1;
        let new = if at_once && (items > 1 || distance < SHORT) {
            (distance * 2).min(LONGEST)
        } else {
            (distance / 2).max(1)
        };
        if new != distance {
            self.0.store(new, Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_given_time_to_get_ahead() {
        let pace = Pace::new();
        (0..10).for_each(|_| pace.learn(1, 5));
        assert_eq!(pace.first_distance(), LONGEST);
    }

    #[test]
    fn single_answers_are_looked_for_at_once() {
        let pace = Pace::new();
        (0..10).for_each(|_| pace.learn(1, 5));
        (0..10).for_each(|_| pace.learn(1, 1));
        assert!(pace.first_distance() <= SHORT);
    }

    #[test]
    fn a_long_wait_brings_the_looks_closer() {
        let pace = Pace::new();
        (0..10).for_each(|_| pace.learn(1, 5));
        (0..10).for_each(|_| pace.learn(9, 1));
        assert_eq!(pace.first_distance(), 1);
    }
}
