//! `ReentrantMutex`: what all locks must stand, and taken twice.

use std::time::Duration;

use sync_primitives::{ReentrantMutex, ReentrantMutexGuard};

use super::lock::{self, Lock, Locked, Stage, open, visit, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

type Twice = Stage<ReentrantMutex<()>>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, lock::stage, victim, is_sound);
    let mut cases = lock::cases::<ReentrantMutex<()>>("reentrant");
    let twice: [Box<dyn Case>; 6] = [
        Box::new(new("reentrant/twice", twice)),
        Box::new(new("reentrant/twice-blocked", first_twice).holder(hold_twice).follower(pass)),
        Box::new(new("reentrant/lock-again+sleeper", lock_again).sleeper(pass)),
        Box::new(new("reentrant/unlock-once+sleeper", unlock_once).sleeper(pass)),
        Box::new(
            new("reentrant/unlock-both+sleeper", unlock_both).sleeper(pass).barger(hold_twice),
        ),
        Box::new(new("reentrant/twice-double", twice_cold).recovery(twice)),
    ];
    cases.extend(twice);
    cases
}

impl Lock for ReentrantMutex<()> {
    type Guard<'a> = ReentrantMutexGuard<'a, ()>;
    const REPORTS: bool = true;

    fn free() -> Self {
        ReentrantMutex::new(())
    }

    fn lock(&self) -> Locked<Self::Guard<'_>> {
        ReentrantMutex::lock(self)
    }

    fn try_lock(&self) -> Locked<Self::Guard<'_>> {
        ReentrantMutex::try_lock(self)
    }

    fn lock_timeout(&self, timeout: Duration) -> Locked<Self::Guard<'_>> {
        ReentrantMutex::lock_timeout(self, timeout)
    }

    fn mark_consistent(guard: &Self::Guard<'_>) {
        ReentrantMutexGuard::mark_consistent(guard);
    }

    fn is_locked(&self) -> bool {
        ReentrantMutex::is_locked(self)
    }
}

fn pass(s: &Twice) {
    visit(s, s.lock.lock());
}

/// Takes the lock twice and works below the second guard.
fn pass_twice(s: &Twice) {
    let (outer, told) = open(s.lock.lock());
    let (inner, told_again) = open(s.lock.lock());
    assert_eq!((s.lock.depth(), told), (2, told_again));
    if !told {
        assert!(s.work.is_whole(), "a death at work was not reported");
        s.work.change();
    }
    drop(inner);
    assert_eq!(s.lock.depth(), 1);
    drop(outer);
}

fn twice(s: &Twice) {
    pass_twice(s);
    first_twice(s);
}

fn twice_cold(s: &Twice) {
    warm_up();
    first_twice(s);
}

fn first_twice(s: &Twice) {
    marked(|| pass_twice(s));
}

fn hold_twice(s: &Twice) {
    let (outer, told) = open(s.lock.lock());
    let (inner, _) = open(s.lock.lock());
    if !told {
        s.work.change();
    }
    hold();
    drop((inner, outer));
}

fn lock_again(s: &Twice) {
    let (outer, _) = open(s.lock.lock());
    let inner = marked(|| s.lock.lock());
    drop((inner.map(drop), outer));
}

fn unlock_once(s: &Twice) {
    let (outer, _) = open(s.lock.lock());
    let (inner, _) = open(s.lock.lock());
    marked(|| drop(inner));
    drop(outer);
}

fn unlock_both(s: &Twice) {
    let (outer, _) = open(s.lock.lock());
    let (inner, _) = open(s.lock.lock());
    marked(|| {
        drop(inner);
        drop(outer);
    });
}

fn is_sound(s: &Twice, _: &After) -> Verdict {
    lock::is_usable(s)?;
    pass_twice(s);
    if s.lock.is_locked() { Err("held by nobody".to_owned()) } else { Ok(()) }
}
