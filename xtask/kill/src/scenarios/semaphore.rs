//! `Semaphore`: a count that nobody owns, from which only the dead one's own take may be missing.

use std::ops::Deref;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::thread;
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use sync_primitives::Semaphore;

use super::lock::{LONG, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

/// A semaphore, and what the survivors did with it.
#[derive(Debug, Shareable)]
#[repr(C)]
struct Till {
    items: Semaphore,
    customers: AtomicU32,
    served: AtomicU32,
    stolen: AtomicU32,
    added: AtomicU32,
}

type Stage = Shared<Till>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = releases();
    cases.extend(acquires());
    cases
}

fn releases() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, none, victim, gave_one);
    let many = |name| Scenario::new(name, none, release_two, gave_two);
    vec![
        Box::new(new("semaphore/release", release)),
        Box::new(new("semaphore/release-first-use", first_release)),
        Box::new(new("semaphore/release+sleeper", release).sleeper(buy).mourner(serve)),
        Box::new(
            new("semaphore/release+sleepers", release).sleeper(buy).sleeper(buy).mourner(serve),
        ),
        Box::new(
            new("semaphore/release+sleeper+thief", release)
                .sleeper(buy)
                .barger(steal)
                .mourner(serve),
        ),
        Box::new(
            new("semaphore/release+sleepers+barger", release)
                .sleeper(buy)
                .sleeper(buy)
                .barger(buy)
                .mourner(serve),
        ),
        Box::new(many("semaphore/release-many+sleeper").sleeper(buy).mourner(serve)),
        Box::new(many("semaphore/release-many+sleepers").sleeper(buy).sleeper(buy).mourner(serve)),
        Box::new(
            many("semaphore/release-many+sleepers+thief")
                .sleeper(buy)
                .sleeper(buy)
                .sleeper(buy)
                .barger(steal)
                .mourner(serve),
        ),
        Box::new(Scenario::new("semaphore/release-double", none, release, few).recovery(release)),
        Box::new(Scenario::new("semaphore/release-pairs", none, release, gave_both).rival(release)),
    ]
}

fn acquires() -> Vec<Box<dyn Case>> {
    let free = |name, victim| Scenario::new(name, two, victim, took_one);
    let blocked = |name| Scenario::new(name, none, known_acquire, took_one).holder(supply);
    vec![
        Box::new(free("semaphore/acquire", acquire)),
        Box::new(free("semaphore/acquire-first-use", first_acquire)),
        Box::new(free("semaphore/try-acquire", try_acquire)),
        Box::new(free("semaphore/acquire+thief", acquire).barger(steal)),
        Box::new(Scenario::new("semaphore/try-none", none, try_none, took_none)),
        Box::new(Scenario::new("semaphore/past-none", none, past_none, took_none)),
        Box::new(blocked("semaphore/blocked")),
        Box::new(blocked("semaphore/blocked+follower").follower(buy).mourner(serve)),
        Box::new(blocked("semaphore/blocked+followers").follower(buy).follower(buy).mourner(serve)),
        Box::new(
            blocked("semaphore/blocked+follower+thief").follower(buy).barger(steal).mourner(serve),
        ),
        Box::new(
            Scenario::new("semaphore/timeout", none, timeout_acquire, took_one)
                .holder(supply)
                .follower(buy)
                .mourner(serve),
        ),
        Box::new(Scenario::new("semaphore/acquire-pairs", two, acquire, took_both).rival(acquire)),
        Box::new(
            Scenario::new("semaphore/mixed-pairs", two, acquire, took_one_gave_one).rival(release),
        ),
    ]
}

impl Deref for Till {
    type Target = Semaphore;

    fn deref(&self) -> &Semaphore {
        &self.items
    }
}

fn with(items: u32) -> Stage {
    let items = Semaphore::new(items).expect("a small count");
    let [customers, served, stolen, added] = [const { AtomicU32::new(0) }; 4];
    Shared::new(Till { items, customers, served, stolen, added }).expect("memory for a stage")
}

fn none() -> Stage {
    with(0)
}

fn two() -> Stage {
    with(2)
}

fn once(s: &Stage, change: impl FnOnce(&Semaphore)) {
    warm_up();
    marked(|| change(&s.items));
}

fn release(s: &Stage) {
    once(s, |items| items.release().expect("far from the highest count"));
}

fn first_release(s: &Stage) {
    marked(|| s.release().expect("far from the highest count"));
}

fn release_two(s: &Stage) {
    once(s, |items| items.release_many(2).expect("far from the highest count"));
}

fn acquire(s: &Stage) {
    once(s, Semaphore::acquire);
}

fn first_acquire(s: &Stage) {
    marked(|| s.acquire());
}

fn known_acquire(s: &Stage) {
    acquire(s);
}

fn try_acquire(s: &Stage) {
    once(s, |items| assert!(items.try_acquire()));
}

fn try_none(s: &Stage) {
    once(s, |items| assert!(!items.try_acquire()));
}

fn past_none(s: &Stage) {
    once(s, |items| assert!(!items.acquire_timeout(Duration::ZERO)));
}

fn timeout_acquire(s: &Stage) {
    once(s, |items| assert!(items.acquire_timeout(LONG)));
}

/// A survivor that waits until it gets one.
fn buy(s: &Stage) {
    s.customers.fetch_add(1, AcqRel);
    s.acquire();
    s.served.fetch_add(1, AcqRel);
}

/// A survivor that takes one if it is there.
fn steal(s: &Stage) {
    if s.try_acquire() {
        s.stolen.fetch_add(1, AcqRel);
    }
}

fn add(s: &Stage) {
    s.added.fetch_add(1, AcqRel);
    s.release().expect("far from the highest count");
}

fn supply(s: &Stage) {
    hold();
    add(s);
}

/// Adds one whenever there is none, until all are served. While there is one, who sleeps must have
/// been woken for it.
fn serve(s: &Stage) {
    while s.served.load(Acquire) < s.customers.load(Acquire) {
        if s.value() == 0 {
            add(s);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// What is there and what was taken, less what survivors have added.
fn balance(s: &Stage) -> i64 {
    let of = |count: &AtomicU32| i64::from(count.load(Acquire));
    i64::from(s.value()) + of(&s.served) + of(&s.stolen) - of(&s.added)
}

/// The balance is one of those, and the semaphore works.
fn is(s: &Stage, balances: &[i64]) -> Verdict {
    let found = balance(s);
    if !balances.contains(&found) {
        return Err(format!("{found} items instead of {balances:?}"));
    }
    let value = s.value();
    s.release_many(2).map_err(|error| error.to_string())?;
    let taken = (0..value + 4).take_while(|_| s.try_acquire()).count();
    if taken as u32 == value + 2 { Ok(()) } else { Err(format!("{taken} of {}", value + 2)) }
}

fn gave_one(s: &Stage, after: &After) -> Verdict {
    is(s, if after.finished { &[1] } else { &[0, 1] })
}

fn gave_two(s: &Stage, after: &After) -> Verdict {
    is(s, if after.finished { &[2] } else { &[0, 2] })
}

fn gave_both(s: &Stage, after: &After) -> Verdict {
    is(s, if after.deaths == 0 { &[2] } else { &[1, 2] })
}

fn few(s: &Stage, _: &After) -> Verdict {
    is(s, &[0, 1, 2])
}

/// Beginning with two or none: one is missing if the victim has come to its end.
fn took_one(s: &Stage, after: &After) -> Verdict {
    let first = i64::from(s.customers.load(Acquire) == 0 && s.added.load(Acquire) == 0) * 2;
    let balances = [first - 1, first];
    is(s, if after.finished { &balances[..1] } else { &balances })
}

fn took_none(s: &Stage, _: &After) -> Verdict {
    is(s, &[0])
}

fn took_both(s: &Stage, after: &After) -> Verdict {
    is(s, if after.deaths == 0 { &[0] } else { &[0, 1] })
}

fn took_one_gave_one(s: &Stage, after: &After) -> Verdict {
    is(s, if after.deaths == 0 { &[2] } else { &[2, 3] })
}
