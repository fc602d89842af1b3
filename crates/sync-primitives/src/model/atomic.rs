//! loom's atomics, each operation a step. An operation of a dead thread has no effect.
#![allow(missing_docs, reason = "the operations are those of std's atomics")]

use super::step;
use crate::platform::Ordering;

/// Operations that give the value from before; a dead thread gets 0.
macro_rules! exchanges {
    ($number:ty: $($operation:ident)*) => {$(
        pub fn $operation(&self, value: $number, order: Ordering) -> $number {
            if step() { self.0.$operation(value, order) } else { 0 }
        }
    )*};
}

macro_rules! atomic {
    ($name:ident, $number:ty) => {
        #[derive(Debug, Default)]
        pub struct $name(loom::sync::atomic::$name);

        impl $name {
            pub fn new(first: $number) -> Self {
                Self(loom::sync::atomic::$name::new(first))
            }

            pub fn load(&self, order: Ordering) -> $number {
                if step() { self.0.load(order) } else { 0 }
            }

            pub fn store(&self, value: $number, order: Ordering) {
                if step() {
                    self.0.store(value, order);
                }
            }

            pub fn compare_exchange(
                &self,
                current: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                // A dead thread is told that it has succeeded, so that it tries no more.
                if !step() {
                    return Ok(current);
                }
                self.0.compare_exchange(current, new, success, failure)
            }

            pub fn compare_exchange_weak(
                &self,
                current: $number,
                new: $number,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$number, $number> {
                self.compare_exchange(current, new, success, failure)
            }

            exchanges! { $number: swap fetch_add fetch_sub fetch_and fetch_or fetch_xor fetch_max }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);

impl AtomicU32 {
    /// For the kernel, whose work is nobody's step.
    pub(super) fn of_kernel(&self) -> &loom::sync::atomic::AtomicU32 {
        &self.0
    }
}
