//! Start and finish for sides, threads or processes, that work with each other at the same time.
//!
//! It stands on bare futexes and atomics, not on what is measured. Between laps the other sides
//! sleep, so as not to disturb the other contenders.
//!
//! On a busy machine one side may be kept from the processor while the other works. Then nobody
//! contends, and a lock seems quick that is not; or one waits for the other, and a queue seems
//! slow. Such laps are told apart: by the kernel's count of how often each side was interrupted
//! for another, and by how long all were at it.

use std::hint;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

use multiproc::Shareable;

use crate::{clock, futex};

/// How often who waits at a line looks before letting others have the processor.
const SPINS: u32 = 10_000;

/// The most sides that a line has room for.
const SIDES: usize = 4;

/// The number of the lap in which nothing is left to do.
const OVER: u32 = u32::MAX;

/// Where all sides begin and end; each number on a cache line of its own.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Line {
    sides: u32,
    followers: Count,
    laps: Count,
    ready: Count,
    done: Count,
    times: [Lap; SIDES],
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

/// What a lap of all sides was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// From when the first began until all were done.
    pub(crate) seconds: f64,
    /// No side had to leave its processor to another.
    pub(crate) uninterrupted: bool,
    /// Besides, all were at it for all but a tenth of that time.
    pub(crate) side_by_side: bool,
}

impl Line {
    /// A line for this many sides, the leader among them.
    pub(crate) fn new(sides: u32) -> Self {
        assert!(sides as usize <= SIDES, "there is no room for {sides} sides");
        let (followers, laps, ready, done, times) = Default::default();
        Self { sides, followers, laps, ready, done, times }
    }

    /// Has all sides work once.
    pub(crate) fn lead(&self, work: impl FnOnce()) -> Outcome {
        let lap = self.laps.0.fetch_add(1, Ordering::AcqRel) + 1;
        futex::wake(&self.laps.0);
        self.run(lap, &self.times[0], work);
        Outcome::of(&self.times[..self.sides as usize])
    }

    /// Works as often as the other side leads, until that says it is over.
    pub(crate) fn follow(&self, mut work: impl FnMut()) {
        let place = self.followers.0.fetch_add(1, Ordering::Relaxed) + 1;
        for lap in 1.. {
            while self.laps.0.load(Ordering::Acquire) < lap {
                futex::wait(&self.laps.0, lap - 1);
            }
            if self.laps.0.load(Ordering::Acquire) == OVER {
                return;
            }
            self.run(lap, &self.times[place as usize], &mut work);
        }
    }

    /// Tells all followers, none of which is at work, that no lap comes any more.
    pub(crate) fn end(&self) {
        self.laps.0.store(OVER, Ordering::Release);
        futex::wake(&self.laps.0);
    }

    fn run(&self, lap: u32, times: &Lap, work: impl FnOnce()) {
        self.ready.meet(lap * self.sides);
        times.time(work);
        self.done.meet(lap * self.sides);
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
}

impl Outcome {
    fn of(times: &[Lap]) -> Self {
        // They have met at the finish, so that what they stored is seen.
        let each = |time: fn(&Lap) -> &AtomicU64| {
            times.iter().map(move |lap| time(lap).load(Ordering::Relaxed))
        };
        let (first, last) = bounds(each(|lap| &lap.began));
        let (first_end, last_end) = bounds(each(|lap| &lap.ended));
        let (all, together) = (last_end - first, first_end.saturating_sub(last));
        let uninterrupted = each(|lap| &lap.interruptions).all(|count| count == 0);
        let side_by_side = uninterrupted && 10 * together >= 9 * all;
        Self { seconds: all as f64 / 1e9, uninterrupted, side_by_side }
    }
}

/// The least and the greatest.
fn bounds(times: impl Iterator<Item = u64>) -> (u64, u64) {
    times.fold((u64::MAX, 0), |(least, most), time| (least.min(time), most.max(time)))
}

impl Count {
    /// Arrives, and waits for the others to do the same, until `arrivals` have been made in all.
    fn meet(&self, arrivals: u32) {
        self.0.fetch_add(1, Ordering::AcqRel); // What was done before is seen by who meets us.
        let mut spins = 0;
        while self.0.load(Ordering::Acquire) < arrivals {
            spins += 1;
            if spins < SPINS { hint::spin_loop() } else { thread::yield_now() }
        }
    }
}
