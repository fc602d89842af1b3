//! What a lock protects: two halves that must be equal, and who is at work on them.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::{Duration, Instant};

use ipc_shm::Shareable;
use rustix::process::Pid;

/// Nobody is longer about dying.
const DYING: Duration = Duration::from_secs(1);

/// Changed by plain loads and stores, so that two who do it at once lose a change.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(super) struct Work {
    worker: AtomicU32,
    first: AtomicU32,
    second: AtomicU32,
}

impl Work {
    pub(super) const fn new() -> Self {
        let (worker, first, second) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Self { worker, first, second }
    }

    /// Changes both halves, one after the other. Who dies meanwhile leaves its number.
    pub(super) fn change(&self) {
        self.worker.store(std::process::id(), Release);
        let next = self.first.load(Relaxed) + 1;
        self.first.store(next, Release);
        self.second.store(next, Release);
        self.worker.store(0, Release);
    }

    /// Panics if a live process is at work. One that died lets go of its locks a little before its
    /// number is free.
    pub(super) fn expect_nobody(&self) {
        let number = self.worker.load(Acquire);
        let Some(worker) = Pid::from_raw(number as i32) else { return };
        let start = Instant::now();
        while rustix::process::test_kill_process(worker).is_ok() {
            let moves = self.worker.load(Acquire) != number;
            assert!(!moves && start.elapsed() < DYING, "two have the lock");
            std::thread::yield_now();
        }
    }

    /// Nobody has died at work since it was last mended.
    pub(super) fn is_whole(&self) -> bool {
        self.worker.load(Acquire) == 0 && self.count() == self.second.load(Acquire)
    }

    pub(super) fn mend(&self) {
        self.second.store(self.first.load(Relaxed), Release);
        self.worker.store(0, Release);
    }

    /// How often it has been changed.
    pub(super) fn count(&self) -> u32 {
        self.first.load(Acquire)
    }
}
