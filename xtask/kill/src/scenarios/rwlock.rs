//! `RwLock`: to write it is a lock like others; to read, many are in at once.

use std::time::Duration;

use ipc_shm::Shared;
use sync_primitives::{LockError, ReadGuard, RwLock, WriteGuard};

use super::lock::{self, Lock, Locked, Stage, open, visit, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

type Book = Stage<RwLock<()>>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = lock::cases::<RwLock<()>>("write");
    cases.extend(readers());
    cases.extend(readers_and_writers());
    cases
}

impl Lock for RwLock<()> {
    type Guard<'a> = WriteGuard<'a, ()>;
    const REPORTS: bool = true;

    fn free() -> Self {
        RwLock::new(())
    }

    fn lock(&self) -> Locked<Self::Guard<'_>> {
        self.write()
    }

    fn try_lock(&self) -> Locked<Self::Guard<'_>> {
        self.try_write()
    }

    fn lock_timeout(&self, timeout: Duration) -> Locked<Self::Guard<'_>> {
        self.write_timeout(timeout)
    }

    fn mark_consistent(guard: &Self::Guard<'_>) {
        WriteGuard::mark_consistent(guard);
    }

    fn is_locked(&self) -> bool {
        self.is_write_locked() || self.readers() > 0
    }
}

/// A dead reader has damaged nothing, so that nobody is told of it.
fn readers() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, lock::stage, victim, is_unharmed);
    vec![
        Box::new(new("read/alone", read_cycle)),
        Box::new(new("read/first-use", first_read)),
        Box::new(new("read/unlock", leave)),
        Box::new(new("read/lock", enter)),
        Box::new(new("read/try", try_read)),
        Box::new(new("read/past", past_read)),
        Box::new(new("read/others-read", read_cycle).holder(hold_read).barger(read)),
        Box::new(new("read/full-house", known_read).holder(hold_all)),
        Box::new(new("read/barger-writes", read_cycle).barger(write)),
        Box::new(new("read/sleeping-writer", leave).sleeper(write)),
        Box::new(new("read/sleeping-writers", leave).sleeper(write).sleeper(write).sleeper(read)),
        Box::new(new("read/sleeping-writer+barger", leave).sleeper(write).barger(read)),
        Box::new(new("read/sleeping-writer+barger-writes", leave).sleeper(write).barger(write)),
        Box::new(new("read/one-of-two+writer", leave).holder(hold_read).sleeper(write)),
        Box::new(new("read/double", read_cycle).recovery(read_again)),
        Box::new(new("read/pairs", read_cycle).rival(read_cycle)),
        Box::new(new("read/held", read_held).holder(hold_write)),
        Box::new(new("read/past-held", past_read_held).holder(hold_write)),
        Box::new(new("read/blocked", known_read).holder(hold_write)),
        Box::new(new("read/blocked+reader", known_read).holder(hold_write).follower(read)),
        Box::new(new("read/blocked+writer", known_read).holder(hold_write).follower(write)),
        Box::new(
            new("read/blocked+reader+barger-writes", known_read)
                .holder(hold_write)
                .follower(read)
                .barger(hold_write),
        ),
        Box::new(
            new("read/blocked+crowd", known_read)
                .holder(hold_write)
                .follower(read)
                .follower(write)
                .follower(read)
                .barger(read),
        ),
        Box::new(new("read/timeout", timeout_read).holder(hold_write).follower(write)),
    ]
}

fn readers_and_writers() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, lock::stage, victim, is_sound);
    vec![
        Box::new(new("write/sleeping-reader", unlock).sleeper(read)),
        Box::new(new("write/sleeping-readers", unlock).sleeper(read).sleeper(read).sleeper(write)),
        Box::new(new("write/sleeping-reader+barger", unlock).sleeper(read).barger(read)),
        Box::new(
            new("write/sleeping-readers+barger-holds", unlock)
                .sleeper(read)
                .sleeper(read)
                .barger(hold_write),
        ),
        Box::new(new("write/waits-for-reader", known_write).holder(hold_read)),
        Box::new(
            new("write/waits-for-reader+reader", known_write).holder(hold_read).follower(read),
        ),
        Box::new(
            new("write/waits-for-readers+crowd", known_write)
                .holder(hold_two_reads)
                .follower(write)
                .follower(read)
                .barger(read),
        ),
        Box::new(new("write/reader-past", past_write).holder(hold_read).sleeper(read)),
        Box::new(new("write/reader-try", try_write).holder(hold_read)),
        Box::new(new("write/reader-pairs", write_cycle).rival(read_cycle)),
        Box::new(new("read/writer-pairs", read_cycle).rival(write_cycle)),
        Box::new(new("write/double-read", write_cycle).recovery(read_again)),
    ]
}

/// Looks, and gives the guard back to who reads on.
fn look(s: &Book, locked: Locked<ReadGuard<'_, ()>>) {
    let (guard, told) = open(locked);
    assert!(told || s.work.is_whole(), "a death at work was not reported");
    drop(guard);
}

fn read(s: &Book) {
    look(s, s.lock.read());
}

fn write(s: &Book) {
    visit(s, s.lock.write());
}

fn read_cycle(s: &Book) {
    read(s);
    first_read(s);
}

fn first_read(s: &Book) {
    marked(|| read(s));
}

fn known_read(s: &Book) {
    warm_up();
    first_read(s);
}

fn read_again(s: &Book) {
    known_read(s);
}

fn write_cycle(s: &Book) {
    write(s);
    marked(|| write(s));
}

fn known_write(s: &Book) {
    warm_up();
    marked(|| write(s));
}

fn leave(s: &Book) {
    let (guard, _) = open(s.lock.read());
    marked(|| drop(guard));
}

fn enter(s: &Book) {
    read(s);
    let locked = marked(|| s.lock.read());
    look(s, locked);
}

fn try_read(s: &Book) {
    read(s);
    marked(|| look(s, s.lock.try_read()));
}

fn past_read(s: &Book) {
    read(s);
    marked(|| look(s, s.lock.read_timeout(Duration::ZERO)));
}

fn read_held(s: &Book) {
    warm_up();
    let locked = marked(|| s.lock.try_read());
    assert!(matches!(locked, Err(LockError::WouldBlock)), "somebody writes");
}

fn past_read_held(s: &Book) {
    warm_up();
    let locked = marked(|| s.lock.read_timeout(Duration::ZERO));
    assert!(matches!(locked, Err(LockError::TimedOut)), "somebody writes");
}

fn timeout_read(s: &Book) {
    warm_up();
    marked(|| look(s, s.lock.read_timeout(lock::LONG)));
}

fn past_write(s: &Book) {
    warm_up();
    let locked = marked(|| s.lock.write_timeout(Duration::ZERO));
    assert!(matches!(locked, Err(LockError::TimedOut)), "somebody reads");
}

fn try_write(s: &Book) {
    warm_up();
    let locked = marked(|| s.lock.try_write());
    assert!(matches!(locked, Err(LockError::WouldBlock)), "somebody reads");
}

fn unlock(s: &Book) {
    let (guard, _) = open(s.lock.write());
    s.work.change();
    marked(|| drop(guard));
}

fn hold_read(s: &Book) {
    let (guard, _) = open(s.lock.read());
    hold();
    drop(guard);
}

/// One guest with two places: two guests would get their cues in an order that may not be the
/// writer's.
fn hold_two_reads(s: &Book) {
    let guards = (open(s.lock.read()).0, open(s.lock.read()).0);
    hold();
    drop(guards);
}

/// Takes all 32 places, so that the next reader has to wait for one.
fn hold_all(s: &Book) {
    let guards: Vec<_> = (0..32).map(|_| open(s.lock.read()).0).collect();
    hold();
    drop(guards);
}

fn hold_write(s: &Book) {
    let (guard, told) = open(s.lock.write());
    if !told {
        s.work.change();
    }
    hold();
    drop(guard);
}

fn is_unharmed(s: &Book, _: &After) -> Verdict {
    if s.lock.is_poisoned() || is_usable(s)? {
        return Err("a reader's death was reported as a writer's".to_owned());
    }
    Ok(())
}

fn is_sound(s: &Book, after: &After) -> Verdict {
    let told = is_usable(s)?;
    let ended_well = after.deaths == 0 || after.deaths == 1 && after.finished;
    if told && ended_well { Err("a death was reported that was none".to_owned()) } else { Ok(()) }
}

/// Usable by readers first, who see what the last writer has left, then by writers.
fn is_usable(s: &Shared<lock::Guarded<RwLock<()>>>) -> Result<bool, String> {
    let (guard, told) = open(s.lock.read());
    if !told && !s.work.is_whole() {
        return Err("a death at work was not reported to a reader".to_owned());
    }
    drop(guard);
    if lock::is_usable(s)? != told {
        return Err("a reader and a writer are told different things".to_owned());
    }
    let guards = (0..32).map(|_| s.lock.try_read().is_ok()).filter(|taken| *taken).count();
    if guards == 32 { Ok(told) } else { Err(format!("room for {guards} readers of 32")) }
}
