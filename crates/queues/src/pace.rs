//! How long a side that has caught up with the other looks before it sleeps, and how often: learned
//! from how its last waits ended.
//!
//! *How often.* Two sides that run at about the same speed on two cores meet at every item, and each
//! look takes the cache line from the other: both are then several times slower than each alone. If
//! the one that waits lets the other get ahead a little, they meet once for many items. But if the
//! other answers one item at a time, waiting is lost time. What a wait has found tells which it is.
//!
//! *How long.* Looking is worth the while if the other side is running and answers soon. It never does
//! on the same core, which the gate tells, and may not on a busy machine.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::platform::Spin;

/// The longest distance between two looks, in pauses of the processor: a microsecond or two.
const FARTHEST: u32 = 64;
/// A distance that costs little to try out.
const NEAR: u32 = 4;

/// The longest time of looking, in pauses: about what falling asleep and being woken takes.
const LONGEST: u32 = 200;
/// The shortest: two sides that both sleep wake each other for ever, so neither gives up too soon.
const SHORTEST: u32 = 100;

/// What was learned; each end has its own. It is a guess, so that nothing orders it.
#[derive(Debug)]
pub(crate) struct Pace {
    distance: AtomicU32,
    budget: AtomicU32,
}

impl Pace {
    pub(crate) fn new() -> Pace {
        Pace { distance: AtomicU32::new(1), budget: AtomicU32::new(LONGEST) }
    }

    /// The looks of a new wait.
    pub(crate) fn looks(&self) -> Spin {
        Spin::new(self.distance.load(Relaxed), self.budget.load(Relaxed))
    }

    /// After so many looks, the other side had got on by so many items.
    pub(crate) fn found(&self, looks: u32, items: u32) {
        let distance = self.distance.load(Relaxed);
        let streams = looks <= 1 && (items > 1 || distance < NEAR);
        let new = if streams { (distance * 2).min(FARTHEST) } else { (distance / 2).max(1) };
        set(&self.distance, new);
        set(&self.budget, (self.budget.load(Relaxed) * 2).min(LONGEST));
    }

    /// All looks were for nothing.
    pub(crate) fn slept(&self) {
        set(&self.distance, 1);
        set(&self.budget, (self.budget.load(Relaxed) / 2).max(SHORTEST));
    }
}

/// Leaves the cache line alone if nothing changes.
fn set(place: &AtomicU32, new: u32) {
    if place.load(Relaxed) != new {
        place.store(new, Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn distance_after(looks: u32, items: u32) -> u32 {
        let pace = Pace::new();
        (0..10).for_each(|_| pace.found(1, 5));
        (0..10).for_each(|_| pace.found(looks, items));
        pace.distance.load(Relaxed)
    }

    #[test]
    fn a_stream_is_given_time_to_get_ahead() {
        assert_eq!(distance_after(1, 5), FARTHEST);
    }

    #[test]
    fn single_answers_are_looked_for_at_once() {
        assert!(distance_after(1, 1) <= NEAR);
        assert_eq!(distance_after(9, 1), 1);
    }

    #[test]
    fn looking_for_nothing_is_given_up_and_taken_up_again() {
        let pace = Pace::new();
        (0..10).for_each(|_| pace.slept());
        assert_eq!(pace.budget.load(Relaxed), SHORTEST);
        (0..10).for_each(|_| pace.found(1, 1));
        assert_eq!(pace.budget.load(Relaxed), LONGEST);
    }
}
