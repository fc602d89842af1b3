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

/// How often each side locks in one round where two do.
fn contended_count(setting: Setting) -> u32 {
    if setting.quick { 20_000 } else { 200_000 }
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
    let (tally, line) = (shared(lock)?, Shared::new(Line::default()).map_err(no_memory)?);
    let count = contended_count(setting);
    other::start(follow::<L>, (line.clone(), tally.clone(), count))?;
    Ok(together(line, tally, count))
}

fn follow<L: OneAtATime + Shareable>(line: Shared<Line>, tally: Shared<Tally<L>>, count: u32) {
    line.follow(|| tally.add_many(count));
}

/// The same of two threads of this process.
pub(crate) fn two_threads<L: OneAtATime>(lock: L, setting: Setting) -> Round {
    let (tally, line) = (Arc::new(Tally::new(lock)), Arc::new(Line::default()));
    let count = contended_count(setting);
    let (other_tally, other_line) = (tally.clone(), line.clone());
    thread::spawn(move || other_line.follow(|| other_tally.add_many(count)));
    together(line, tally, count)
}

fn together<L: OneAtATime>(
    line: impl Deref<Target = Line> + 'static,
    tally: impl Deref<Target = Tally<L>> + 'static,
    count: u32,
) -> Round {
    let mut total = 0;
    Box::new(move || {
        let both = 2 * u64::from(count);
        let (seconds, tries) = line.lead(|| tally.add_many(count));
        total += both * u64::from(tries);
        tally.check(total);
        both as f64 / seconds / 1e6
    })
}

fn shared<L: OneAtATime + Shareable>(lock: L) -> Result<Shared<Tally<L>>, Missing> {
    let tally = Shared::new(Tally::new(lock)).map_err(|e| format!("no shared memory: {e}"))?;
    tally.lock.prepare();
    Ok(tally)
}
