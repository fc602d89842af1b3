//! `BoundedSemaphore`: with one permit it is a lock that reports nothing; with more, none is lost.

use std::time::Duration;

use ipc_shm::Shared;
use sync_primitives::{AcquireError, BoundedSemaphore, LockError, Permit};

use super::lock::{self, Lock, Locked, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

const PERMITS: u32 = 3;

type Seats = Shared<BoundedSemaphore<4>>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = lock::cases::<BoundedSemaphore<4>>("bounded");
    cases.extend(of_three());
    cases
}

impl Lock for BoundedSemaphore<4> {
    type Guard<'a> = Permit<'a>;
    const REPORTS: bool = false;

    fn free() -> Self {
        BoundedSemaphore::new(1).expect("one permit of four")
    }

    fn lock(&self) -> Locked<Self::Guard<'_>> {
        self.acquire().map_err(as_of_a_lock)
    }

    fn try_lock(&self) -> Locked<Self::Guard<'_>> {
        self.try_acquire().map_err(as_of_a_lock)
    }

    fn lock_timeout(&self, timeout: Duration) -> Locked<Self::Guard<'_>> {
        self.acquire_timeout(timeout).map_err(as_of_a_lock)
    }

    fn mark_consistent(_: &Self::Guard<'_>) {}

    fn is_locked(&self) -> bool {
        self.value() != self.permits()
    }
}

fn as_of_a_lock<G>(error: AcquireError) -> LockError<G> {
    match error {
        AcquireError::WouldBlock => LockError::WouldBlock,
        AcquireError::TimedOut => LockError::TimedOut,
        AcquireError::TooManyHeld => LockError::TooManyHeld,
        AcquireError::Unsupported(why) => LockError::Unsupported(why),
        _ => LockError::Corrupt,
    }
}

fn of_three() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, three_seats, victim, has_all);
    vec![
        Box::new(new("bounded/three-alone", cycle)),
        Box::new(new("bounded/three-first-use", first_cycle)),
        Box::new(new("bounded/release-all+sleepers", release_all).sleeper(pass).sleeper(pass)),
        Box::new(
            new("bounded/release-all+sleepers+barger-holds", release_all)
                .sleeper(pass)
                .sleeper(pass)
                .barger(hold_one),
        ),
        Box::new(new("bounded/release-one-of-all+sleeper", release_one).sleeper(pass)),
        Box::new(new("bounded/others-hold", known_cycle).holder(hold_one).holder(hold_one)),
        Box::new(
            new("bounded/full-house", known_cycle).holder(hold_one).holder(hold_two).follower(pass),
        ),
        Box::new(
            new("bounded/full-house+barger-holds", known_cycle)
                .holder(hold_one)
                .holder(hold_two)
                .follower(pass)
                .barger(hold_one),
        ),
        Box::new(
            new("bounded/given-back-at-once", known_cycle)
                .holder(hold_all)
                .follower(pass)
                .follower(pass)
                .barger(pass),
        ),
        Box::new(new("bounded/three-pairs", cycle).rival(cycle)),
        Box::new(new("bounded/release-pairs", release_last).rival(release_last)),
        Box::new(new("bounded/three-double", cycle).recovery(known_cycle)),
    ]
}

fn three_seats() -> Seats {
    let seats = BoundedSemaphore::new(PERMITS).expect("three permits of four");
    Shared::new(seats).expect("memory for a stage")
}

fn one(s: &Seats) -> Permit<'_> {
    s.acquire().expect("a permit")
}

fn pass(s: &Seats) {
    drop(one(s));
}

fn cycle(s: &Seats) {
    pass(s);
    first_cycle(s);
}

fn first_cycle(s: &Seats) {
    marked(|| pass(s));
}

fn known_cycle(s: &Seats) {
    warm_up();
    first_cycle(s);
}

fn release_all(s: &Seats) {
    let permits = [one(s), one(s), one(s)];
    marked(|| drop(permits));
}

fn release_one(s: &Seats) {
    let permits = [one(s), one(s)];
    let last = one(s);
    marked(|| drop(last));
    drop(permits);
}

fn release_last(s: &Seats) {
    let last = one(s);
    marked(|| drop(last));
}

fn hold_one(s: &Seats) {
    let permit = one(s);
    hold();
    drop(permit);
}

fn hold_two(s: &Seats) {
    let permits = [one(s), one(s)];
    hold();
    drop(permits);
}

fn hold_all(s: &Seats) {
    let permits = [one(s), one(s), one(s)];
    hold();
    drop(permits);
}

fn has_all(s: &Seats, _: &After) -> Verdict {
    if s.value() != PERMITS {
        return Err(format!("{} permits of {PERMITS}", s.value()));
    }
    for round in 0..2 {
        let taken: Vec<_> = (0..PERMITS).map_while(|_| s.try_acquire().ok()).collect();
        if taken.len() as u32 != PERMITS || s.try_acquire().is_ok() {
            return Err(format!("{} permits to be had in round {round}", taken.len()));
        }
    }
    if s.value() == PERMITS { Ok(()) } else { Err("permits that do not come back".to_owned()) }
}
