//! The table of all scenarios: a file per family, and here a line for each file.

mod barrier;
mod bounded;
mod condvar;
mod controls;
mod event;
mod harness;
mod latch;
mod ledger;
mod lock;
mod mutex;
mod once;
mod pool;
mod priority;
mod pthread;
mod pthread_object;
mod queue;
mod reentrant;
mod region;
mod ring;
mod rwlock;
mod semaphore;
mod watch;
mod work;

use crate::scenario::Case;

pub(crate) fn all() -> Vec<Box<dyn Case>> {
    [
        harness::cases(),
        controls::cases(),
        ring::cases(),
        pthread::cases(),
        mutex::cases(),
        reentrant::cases(),
        rwlock::cases(),
        bounded::cases(),
        semaphore::cases(),
        event::cases(),
        latch::cases(),
        once::cases(),
        condvar::cases(),
        barrier::cases(),
        watch::cases(),
        region::cases(),
        queue::cases(),
        priority::cases(),
        pool::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Those that `name` is a part of, or the one that stands in no table and is found by its name.
pub(crate) fn named(name: &str) -> Vec<Box<dyn Case>> {
    let mut cases = all();
    cases.retain(|case| case.name().contains(name));
    let hidden = harness::harmless();
    cases.extend((hidden.name() == name).then_some(hidden));
    cases
}
