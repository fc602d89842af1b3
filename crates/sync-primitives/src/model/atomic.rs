//! loom's atomics, each operation a step. An operation of a dead thread has no effect.
#![allow(missing_docs, reason = "the operations are those of std's atomics")]
#![allow(unsafe_code, reason = "lets types of shared memory be made of them")]

use ipc_shm::{Layout, Shareable};

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

        // SAFETY: lies in the memory of one process, as all of a model does.
        unsafe impl Shareable for $name {
            const LAYOUT: Layout = Layout::new("model", size_of::<Self>(), align_of::<Self>());
        }

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

            pub fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                mut change: impl FnMut($number) -> Option<$number>,
            ) -> Result<$number, $number> {
                let mut now = self.load(failure);
                while let Some(new) = change(now) {
                    match self.compare_exchange(now, new, success, failure) {
                        Ok(before) => return Ok(before),
                        Err(other) => now = other,
                    }
                }
                Err(now)
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
