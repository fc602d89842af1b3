//! Start and finish for two sides, threads or processes, that do the same at the same time.
//!
//! It stands on bare futexes and atomics, not on the locks that are measured. Between laps the other
//! side sleeps, so as not to disturb the other contenders.
//!
//! On a busy machine one side may be kept from the processor while the other works. Then nobody
//! contends, and a lock seems quick that is not. Such laps are told apart: by the kernel's count of
//! how often each side was interrupted for another, and by how long both were at it.

use std::hint;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

use multiproc::Shareable;

use crate::{clock, futex};

/// How often who waits at a line looks before letting others have the processor.
const SPINS: u32 = 10_000;

/// Where both sides begin and end; each number on a cache line of its own.
#[derive(Debug, Default, Shareable)]
#[repr(C)]
pub(crate) struct Line {
    laps: Count,
    ready: Count,
    done: Count,
    leader: Lap,
    follower: Lap,
}

#[derive(Debug, Default, Shareable)]
#[repr(C, align(64))]
struct Count(AtomicU32);

/// When a side began and ended, in nanoseconds of a clock that all processes share, and how often
/// it was interrupted meanwhile.
#[derive(Debug, Default, Shareable)]
#[repr(C, align(64))]
struct Lap {
    began: AtomicU64,
    ended: AtomicU64,
    interruptions: AtomicU64,
}

/// What a lap of both sides was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// From when the first began until both were done.
    pub(crate) seconds: f64,
    /// Both sides had a processor for all but a tenth of that time.
    pub(crate) side_by_side: bool,
}

impl Line {
    /// Has both sides work once.
    pub(crate) fn lead(&self, work: impl FnOnce()) -> Outcome {
        let lap = self.laps.0.fetch_add(1, Ordering::AcqRel) + 1;
        futex::wake(&self.laps.0);
        self.ready.meet(lap);
        self.leader.time(work);
        self.done.meet(lap);
        self.leader.with(&self.follower)
    }

    /// Works as often as the other side leads, for ever.
    pub(crate) fn follow(&self, mut work: impl FnMut()) -> ! {
        for lap in 1.. {
            while self.laps.0.load(Ordering::Acquire) < lap {
                futex::wait(&self.laps.0, lap - 1);
            }
            self.ready.meet(lap);
            self.follower.time(&mut work);
            self.done.meet(lap);
        }
        unreachable!("the numbers of the laps do not end");
    }
}

impl Lap {
    fn time(&self, work: impl FnOnce()) {
        let before = clock::interruptions();
        // Who meets this side at the finish sees what was stored.
        self.began.store(clock::nanos(), Ordering::Relaxed);
        work();
        self.ended.store(clock::nanos(), Ordering::Relaxed);
        self.interruptions.store(clock::interruptions() - before, Ordering::Relaxed);
    }

    fn with(&self, other: &Lap) -> Outcome {
        let get = |time: &AtomicU64| time.load(Ordering::Relaxed);
        let (began, began_too) = (get(&self.began), get(&other.began));
        let (ended, ended_too) = (get(&self.ended), get(&other.ended));
        let all = ended.max(ended_too) - began.min(began_too);
        let both = ended.min(ended_too).saturating_sub(began.max(began_too));
        let interrupted = get(&self.interruptions) + get(&other.interruptions) > 0;
        Outcome { seconds: all as f64 / 1e9, side_by_side: !interrupted && 10 * both >= 9 * all }
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
