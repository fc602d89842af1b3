//! One loop for every lock: take it, count one up, give it back; alone, or two at a time.

use std::hint::black_box;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use multiproc::{Shareable, Shared};

use crate::contender::{Missing, Round, Setting};
use crate::line::Line;
use crate::{clock, other};

/// What lets one at a time do something.
pub(crate) trait OneAtATime: Send + Sync + 'static {
    /// Does `work` while nobody else is in here.
    fn alone(&self, work: impl FnOnce());

    /// Makes it ready where it lies, before anybody uses it.
    fn prepare(&self) {}
}

/// A lock, and the number that it guards.
#[derive(Debug, Default, Shareable)]
#[repr(C)]
pub(crate) struct Tally<L> {
    lock: L,
    /// Changed in two steps, so that a lock that lets two in is found out.
    count: AtomicU64,
}

impl<L: OneAtATime> Tally<L> {
    pub(crate) fn new(lock: L) -> Self {
        Self { lock, count: AtomicU64::new(0) }
    }

    #[inline]
    fn add(&self) {
        self.lock.alone(|| self.count.store(self.count.load(Relaxed) + 1, Relaxed));
    }

    fn add_many(&self, count: u32) {
        for _ in 0..count {
            black_box(self).add();
        }
    }

    fn check(&self, expected: u64) {
        assert_eq!(self.count.load(Relaxed), expected, "the lock has let two in at once");
    }
}

/// How often one round locks where nobody else does.
fn alone_count(setting: Setting) -> u32 {
    if setting.quick { 100_000 } else { 2_000_000 }
}

/// How often each side locks in one lap: in less time than the scheduler gives to one.
const LAP: u32 = 10_000;

/// How many laps a round has in which both sides run side by side, of how many at most.
fn laps(setting: Setting) -> (u32, u32) {
    if setting.quick { (3, 60) } else { (30, 200) }
}

/// The nanoseconds of a lock and unlock that nobody disturbs, in memory that could be shared.
pub(crate) fn alone<L: OneAtATime + Shareable>(
    lock: L,
    setting: Setting,
) -> Result<Round, Missing> {
    Ok(alone_in(shared(lock)?, setting))
}

/// The same in private memory.
pub(crate) fn alone_privately<L: OneAtATime>(lock: L, setting: Setting) -> Round {
    alone_in(Arc::new(Tally::new(lock)), setting)
}

fn alone_in<L: OneAtATime>(
    tally: impl Deref<Target = Tally<L>> + 'static,
    setting: Setting,
) -> Round {
    let (count, mut total) = (alone_count(setting), 0);
    Box::new(move || {
        let each = 1e9 * clock::seconds(|| tally.add_many(count)) / f64::from(count);
        total += u64::from(count);
        tally.check(total);
        each
    })
}

/// The millions of locks per second that two processes get through together.
pub(crate) fn two_processes<L: OneAtATime + Shareable>(
    lock: L,
    setting: Setting,
) -> Result<Round, Missing> {
    let no_memory = |e| format!("no shared memory: {e}");
    let (tally, line) = (shared(lock)?, Shared::new(Line::new(2)).map_err(no_memory)?);
    other::start(follow::<L>, (line.clone(), tally.clone()))?;
    Ok(together(line, tally, setting))
}

fn follow<L: OneAtATime + Shareable>(line: Shared<Line>, tally: Shared<Tally<L>>) {
    line.follow(|| tally.add_many(LAP));
}

/// The same of two threads of this process.
pub(crate) fn two_threads<L: OneAtATime>(lock: L, setting: Setting) -> Round {
    let (tally, line) = (Arc::new(Tally::new(lock)), Arc::new(Line::new(2)));
    let (other_tally, other_line) = (tally.clone(), line.clone());
    thread::spawn(move || other_line.follow(|| other_tally.add_many(LAP)));
    together(line, tally, setting)
}

fn together<L: OneAtATime>(
    line: impl Deref<Target = Line> + 'static,
    tally: impl Deref<Target = Tally<L>> + 'static,
    setting: Setting,
) -> Round {
    let (wanted, most) = laps(setting);
    let mut total = 0;
    Box::new(move || {
        let (mut seconds, mut counted) = (0.0, 0);
        for lap in 0..most {
            let outcome = line.lead(|| tally.add_many(LAP));
            total += 2 * u64::from(LAP);
            // Where the machine is so busy that laps run out, the last ones count in any case.
            if outcome.side_by_side || most - lap <= wanted - counted {
                seconds += outcome.seconds;
                counted += 1;
            }
            if counted == wanted {
                break;
            }
        }
        tally.check(total);
        f64::from(2 * LAP * wanted) / seconds / 1e6
    })
}

fn shared<L: OneAtATime + Shareable>(lock: L) -> Result<Shared<Tally<L>>, Missing> {
    let tally = Shared::new(Tally::new(lock)).map_err(|e| format!("no shared memory: {e}"))?;
    tally.lock.prepare();
    Ok(tally)
}
