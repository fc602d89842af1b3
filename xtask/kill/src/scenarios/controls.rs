//! Locks, semaphores and events as they are usually written; each breaks, and must be caught.
//!
//! If one of these passed, the harness would be blind to the fault that it has.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use rustix::thread::futex::{self, Flags, Timespec};

use crate::marks::marked;
use crate::scenario::{After, Case, Scenario, Verdict};
use crate::shared::{Shared, Zeroed};

/// One word, which is the whole of each of them.
#[derive(Debug)]
#[repr(transparent)]
struct Word(AtomicU32);

// SAFETY: an atomic, for which zero is a value.
#[allow(unsafe_code, reason = "a stage lies in shared memory")]
unsafe impl Zeroed for Word {}

type Stage = Shared<Word>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mutex = || Scenario::new("control/mutex", Stage::new, lock_and_unlock, can_lock).control();
    vec![
        Box::new(mutex()),
        Box::new(
            Scenario::new("control/mutex+barger", Stage::new, lock_and_unlock, fine)
                .barger(lock_and_unlock)
                .control(),
        ),
        Box::new(
            Scenario::new("control/semaphore", two_permits, take_and_give, has_two_permits)
                .control(),
        ),
        Box::new(
            Scenario::new("control/event", Stage::new, set, fine)
                .sleeper(wait_for_event)
                .mourner(set_if_clear)
                .control(),
        ),
        Box::new(
            Scenario::new("control/event-looks", Stage::new, set, fine)
                .sleeper(look_for_event)
                .mourner(set_if_clear)
                .control(),
        ),
    ]
}

fn fine(_: &Stage, _: &After) -> Verdict {
    Ok(())
}

const FREE: u32 = 0;
const LOCKED: u32 = 1;
const CONTENDED: u32 = 2;

/// The well-known futex mutex of three states. Nobody sees that its owner dies.
fn lock(word: &AtomicU32) {
    if word.compare_exchange(FREE, LOCKED, Acquire, Relaxed).is_ok() {
        return;
    }
    while word.swap(CONTENDED, Acquire) != FREE {
        sleep(word, CONTENDED);
    }
}

fn unlock(word: &AtomicU32) {
    if word.swap(FREE, Release) == CONTENDED {
        wake(word, 1);
    }
}

fn lock_and_unlock(stage: &Stage) {
    marked(|| {
        lock(&stage.0);
        unlock(&stage.0);
    });
}

fn can_lock(stage: &Stage, _: &After) -> Verdict {
    lock(&stage.0);
    unlock(&stage.0);
    Ok(())
}

fn two_permits() -> Stage {
    let stage = Stage::new();
    stage.0.store(2, Relaxed);
    stage
}

/// A semaphore that is a mere counter. Nobody gives back what a dead holder took.
fn take_and_give(stage: &Stage) {
    marked(|| {
        while stage.0.fetch_update(AcqRel, Relaxed, |free| free.checked_sub(1)).is_err() {
            sleep(&stage.0, 0);
        }
        stage.0.fetch_add(1, Release);
        wake(&stage.0, 1);
    });
}

fn has_two_permits(stage: &Stage, _: &After) -> Verdict {
    match stage.0.load(Acquire) {
        2 => Ok(()),
        free => Err(format!("{free} permits of 2")),
    }
}

/// An event that wakes whom it finds asleep; nobody does if it dies just before.
fn set(stage: &Stage) {
    marked(|| {
        stage.0.store(1, Release);
        wake(&stage.0, u32::MAX);
    });
}

const SLICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 60_000_000 };

fn wait_for_event(stage: &Stage) {
    while stage.0.load(Acquire) == 0 {
        sleep(&stage.0, 0);
    }
}

/// Hides the lost wake-up, since it looks by itself now and then; it comes too late for a control.
fn look_for_event(stage: &Stage) {
    while stage.0.load(Acquire) == 0 {
        // Any error means: look again.
        let _ = futex::wait(&stage.0, Flags::empty(), 0, Some(&SLICE));
    }
}

/// If the victim did not set the event, somebody else does: only a sleeper past a set event counts.
fn set_if_clear(stage: &Stage) {
    if stage.0.load(Acquire) == 0 {
        set(stage);
    }
}

fn sleep(word: &AtomicU32, value: u32) {
    // Any error means: look again.
    let _ = futex::wait(word, Flags::empty(), value, None);
}

fn wake(word: &AtomicU32, sleepers: u32) {
    // Waking cannot fail for an aligned word of this process.
    let _ = futex::wake(word, Flags::empty(), sleepers);
}
