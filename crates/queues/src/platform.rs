//! The one place that swaps what the state machines stand on: atomics and the mapping, or loom's model
//! of them. (The locks and futexes of `sync-primitives` swap themselves.)

#[cfg(not(loom))]
mod real {
    pub(crate) use crate::memory::Memory;
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

    pub(crate) use crate::sys::processor;
}

#[cfg(not(loom))]
pub(crate) use real::*;
pub(crate) use std::sync::atomic::Ordering;
#[cfg(loom)]
pub(crate) use {
    crate::model::memory::Memory,
    crate::sys::processor,
    sync_primitives::model::{AtomicU32, AtomicU64, spin_loop},
};

/// Looking before sleeping, for so many pauses of the processor. The model does without.
#[derive(Debug)]
pub(crate) struct Spin {
    distance: u32,
    passed: u32,
    budget: u32,
}

impl Spin {
    /// One that waits `distance` pauses before its first look, and `budget` in all.
    pub(crate) fn new(distance: u32, budget: u32) -> Spin {
        Spin { distance, passed: 0, budget: if cfg!(loom) { 0 } else { budget } }
    }

    /// One that does not look at all.
    pub(crate) fn none() -> Spin {
        Spin::new(1, 0)
    }

    /// Waits a little; false if it is time to sleep.
    pub(crate) fn once(&mut self) -> bool {
        if self.passed >= self.budget {
            return false;
        }
        (0..self.distance).for_each(|_| spin_loop());
        self.passed += self.distance;
        // Close looks find an answer soon, and later ones leave the cache line to who writes it.
        self.distance = 1 + self.passed / 8;
        true
    }
}
