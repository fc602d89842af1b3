//! Start and finish for two sides, threads or processes, that do the same at the same time.
//!
//! It stands on bare futexes and atomics, not on the locks that are measured. Between rounds the
//! other side sleeps, so as not to disturb the other contenders.

use std::hint;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

use multiproc::Shareable;
use rustix::time::{ClockId, clock_gettime};

use crate::futex;

/// How often who waits at a line looks before letting others have the processor.
const SPINS: u32 = 10_000;

/// How often a round is tried in which the sides are to run side by side.
const TRIES: u32 = 50;

/// Where both sides begin and end; each number on a cache line of its own.
#[derive(Debug, Default, Shareable)]
#[repr(C)]
pub(crate) struct Line {
    rounds: Count,
    ready: Count,
    done: Count,
    leader: Lap,
    follower: Lap,
}

#[derive(Debug, Default, Shareable)]
#[repr(C, align(64))]
struct Count(AtomicU32);

/// When a side began and ended, in nanoseconds of a clock that all processes share.
#[derive(Debug, Default, Shareable)]
#[repr(C, align(64))]
struct Lap {
    began: AtomicU64,
    ended: AtomicU64,
}

impl Line {
    /// Has both sides work side by side; the seconds from when the first began until both were
    /// done, and how many rounds it took. On a busy machine one side may sleep while the other
    /// works: that is no contention, and is tried again. The last try counts in any case.
    pub(crate) fn lead(&self, mut work: impl FnMut()) -> (f64, u32) {
        let mut tries = 1;
        loop {
            let round = self.rounds.0.fetch_add(1, Ordering::AcqRel) + 1;
            futex::wake(&self.rounds.0);
            self.ready.meet(round);
            self.leader.time(&mut work);
            self.done.meet(round);
            let (all, both) = self.leader.with(&self.follower);
            if 10 * both >= 9 * all || tries == TRIES {
                return (all as f64 / 1e9, tries);
            }
            tries += 1;
        }
    }

    /// Works as often as the other side leads, for ever.
    pub(crate) fn follow(&self, mut work: impl FnMut()) -> ! {
        for round in 1.. {
            while self.rounds.0.load(Ordering::Acquire) < round {
                futex::wait(&self.rounds.0, round - 1);
            }
            self.ready.meet(round);
            self.follower.time(&mut work);
            self.done.meet(round);
        }
        unreachable!("the numbers of the rounds do not end");
    }
}

impl Lap {
    fn time(&self, work: impl FnOnce()) {
        // Who meets this side at the finish sees what was stored.
        self.began.store(now(), Ordering::Relaxed);
        work();
        self.ended.store(now(), Ordering::Relaxed);
    }

    /// How long at least one of both worked, and how long both did.
    fn with(&self, other: &Lap) -> (u64, u64) {
        let [began, ended, began_too, ended_too] =
            [&self.began, &self.ended, &other.began, &other.ended]
                .map(|time| time.load(Ordering::Relaxed));
        let both = ended.min(ended_too).saturating_sub(began.max(began_too));
        (ended.max(ended_too) - began.min(began_too), both)
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

fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
