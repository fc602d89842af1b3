//! The one place that swaps what the state machines stand on: atomics, futexes and locks, or loom's
//! model of them.

#[cfg(not(loom))]
mod real {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};

    /// Orders the exchange before it against the loads after it.
    ///
    /// On x86-64 the locked instruction does so itself; only the compiler must be told.
    #[inline]
    pub(crate) fn fence_after_exchange() {
        use std::sync::atomic::Ordering::SeqCst;
        if cfg!(target_arch = "x86_64") {
            std::sync::atomic::compiler_fence(SeqCst);
        } else {
            std::sync::atomic::fence(SeqCst);
        }
    }
}

#[cfg(not(loom))]
pub(crate) use real::*;
pub(crate) use std::sync::atomic::Ordering;
#[cfg(loom)]
pub(crate) use sync_primitives::model::{
    AtomicU32, AtomicU64, fence_after_exchange, spin_loop, wait, wake,
};

/// How often a waiter looks before it sleeps. The model does without.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 7 };

/// Looking before sleeping, at distances that double: each look takes the cache line from the one
/// who is to write it. In all it is about as long as falling asleep takes.
#[derive(Debug, Default)]
pub(crate) struct Spin(u32);

impl Spin {
    /// Waits a little; false if it is time to sleep.
    pub(crate) fn once(&mut self) -> bool {
        if self.0 == LOOKS {
            return false;
        }
        (0..1 << self.0).for_each(|_| spin_loop());
        self.0 += 1;
        true
    }
}
