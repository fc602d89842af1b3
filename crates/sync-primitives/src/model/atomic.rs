//! loom's atomics, each operation a step. An operation of a dead thread has no effect.

use super::step;
use crate::platform::Ordering;

macro_rules! atomic {
    ($name:ident, $number:ty, $inner:ty) => {
        #[derive(Debug, Default)]
        pub(crate) struct $name($inner);

        impl $name {
            pub(crate) fn new(first: $number) -> Self {
                Self(<$inner>::new(first))
            }

            pub(crate) fn load(&self, order: Ordering) -> $number {
                if step() { self.0.load(order) } else { 0 }
            }

            pub(crate) fn store(&self, value: $number, order: Ordering) {
                if step() {
                    self.0.store(value, order);
                }
            }
        }
    };
}

atomic!(AtomicU32, u32, loom::sync::atomic::AtomicU32);
atomic!(AtomicU64, u64, loom::sync::atomic::AtomicU64);

impl AtomicU32 {
    pub(crate) fn compare_exchange(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        // A dead thread is told that it has succeeded, so that it tries no more.
        if !step() {
            return Ok(current);
        }
        self.0.compare_exchange(current, new, success, failure)
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.compare_exchange(current, new, success, failure)
    }

    pub(crate) fn swap(&self, value: u32, order: Ordering) -> u32 {
        if step() { self.0.swap(value, order) } else { 0 }
    }

    pub(crate) fn fetch_add(&self, value: u32, order: Ordering) -> u32 {
        if step() { self.0.fetch_add(value, order) } else { 0 }
    }

    pub(crate) fn fetch_sub(&self, value: u32, order: Ordering) -> u32 {
        if step() { self.0.fetch_sub(value, order) } else { 0 }
    }

    pub(crate) fn fetch_and(&self, value: u32, order: Ordering) -> u32 {
        if step() { self.0.fetch_and(value, order) } else { 0 }
    }

    pub(crate) fn fetch_or(&self, value: u32, order: Ordering) -> u32 {
        if step() { self.0.fetch_or(value, order) } else { 0 }
    }

    /// For the kernel, whose work is nobody's step.
    pub(super) fn of_kernel(&self) -> &loom::sync::atomic::AtomicU32 {
        &self.0
    }
}
