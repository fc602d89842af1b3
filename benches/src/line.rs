//! Start and finish for two sides, threads or processes, that do the same at the same time.
//!
//! It stands on bare futexes and atomics, not on the locks that are measured. Between rounds the
//! other side sleeps, so as not to disturb the other contenders.

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use multiproc::Shareable;

use crate::{clock, futex};

/// How often who waits at a line looks before letting others have the processor.
const SPINS: u32 = 10_000;

/// Where both sides begin and end; each number on a cache line of its own.
#[derive(Debug, Default, Shareable)]
#[repr(C)]
pub(crate) struct Line {
    rounds: Count,
    ready: Count,
    done: Count,
}

#[derive(Debug, Default, Shareable)]
#[repr(C, align(64))]
struct Count(AtomicU32);

impl Line {
    /// Has both sides work once; the seconds from when both began until both are done.
    pub(crate) fn lead(&self, work: impl FnOnce()) -> f64 {
        let round = self.rounds.0.fetch_add(1, Ordering::AcqRel) + 1;
        futex::wake(&self.rounds.0);
        self.ready.meet(round);
        clock::seconds(|| {
            work();
            self.done.meet(round);
        })
    }

    /// Works as often as the other side leads, for ever.
    pub(crate) fn follow(&self, mut work: impl FnMut()) -> ! {
        for round in 1.. {
            while self.rounds.0.load(Ordering::Acquire) < round {
                futex::wait(&self.rounds.0, round - 1);
            }
            self.ready.meet(round);
            work();
            self.done.meet(round);
        }
        unreachable!("the numbers of the rounds do not end");
    }
}

impl Count {
    /// Arrives for the nth time, and waits for the other side to do the same.
    fn meet(&self, nth: u32) {
        self.0.fetch_add(1, Ordering::AcqRel); // What was done before is seen by who meets us.
        let mut spins = 0;
        while self.0.load(Ordering::Acquire) < 2 * nth {
            spins += 1;
            if spins < SPINS { hint::spin_loop() } else { thread::yield_now() }
        }
    }
}
