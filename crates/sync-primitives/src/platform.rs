//! The one place that swaps what the state machines stand on: atomics, futexes and the kernel's
//! list of what a thread holds, or loom's model of the three.
//!
//! A state machine imports from here and nowhere else, so `cargo xtask loom` explores the very code
//! that runs. The model kills threads as the kernel's rules for a dead thread have it.

#[cfg(not(loom))]
mod real {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64};
    pub(crate) use std::thread::yield_now;

    pub(crate) use crate::sys::{thread_is_gone, wait, wait_any, wake};
    pub(crate) use crate::thread::Thread;

    /// Orders the compare-exchange before it against the loads after it.
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

#[cfg(loom)]
pub(crate) use crate::model::kernel::{Thread, wait, wait_any, wake};
#[cfg(loom)]
pub(crate) use crate::model::{
    AtomicU32, AtomicU64, fence_after_exchange, spin_loop, thread_is_gone, yield_now,
};
#[cfg(not(loom))]
pub(crate) use real::*;
pub(crate) use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often a waiter looks before it sleeps. The model does without, as looking again shows it
/// nothing new.
const LOOKS: u32 = if cfg!(loom) { 0 } else { 7 };

/// Looking before sleeping, at distances that double: each look takes the cache line from the one
/// who holds the lock, and makes him slower. In all it is about as long as falling asleep takes.
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

/// How often a sleeper asks whether those whom it waits for still exist.
pub(crate) const SLICE: Duration = Duration::from_secs(1);
