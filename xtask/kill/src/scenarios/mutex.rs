//! `Mutex`: what all locks must stand, and several of them on one list, also with libc's own.

use std::time::Duration;

use sync_primitives::{Mutex, MutexGuard};

use super::lock::{self, Lock, Locked, Stage, open, visit, warm_up};
use super::pthread_object::{self, robust, robust_pi};
use crate::marks::marked;
use crate::scenario::{After, Case, Scenario, Verdict};

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = lock::cases::<Mutex<()>>("mutex");
    cases.extend(several());
    cases
}

impl Lock for Mutex<()> {
    type Guard<'a> = MutexGuard<'a, ()>;
    const REPORTS: bool = true;

    fn free() -> Self {
        Mutex::new(())
    }

    fn lock(&self) -> Locked<Self::Guard<'_>> {
        Mutex::lock(self)
    }

    fn try_lock(&self) -> Locked<Self::Guard<'_>> {
        Mutex::try_lock(self)
    }

    fn lock_timeout(&self, timeout: Duration) -> Locked<Self::Guard<'_>> {
        Mutex::lock_timeout(self, timeout)
    }

    fn mark_consistent(guard: &Self::Guard<'_>) {
        MutexGuard::mark_consistent(guard);
    }

    fn is_locked(&self) -> bool {
        Mutex::is_locked(self)
    }
}

/// Two mutexes and one of libc, all robust, which a thread may hold at once.
struct Several {
    one: Stage<Mutex<()>>,
    two: Stage<Mutex<()>>,
    libc: pthread_object::Stage,
}

fn several() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, with_robust, victim, all_are_sound);
    let pi = |name, victim| Scenario::new(name, with_robust_pi, victim, all_are_sound);
    let crowd = |case: Scenario<Several>| {
        case.sleeper(pass_one).sleeper(pass_libc).sleeper(pass_two).sleeper(pass_one)
    };
    vec![
        Box::new(new("mutex/two-in-order", two_in_order)),
        Box::new(new("mutex/two-out-of-order", two_out_of_order)),
        Box::new(new("mutex/libc-between", libc_between)),
        Box::new(pi("mutex/libc-pi-between", libc_between)),
        Box::new(pi("mutex/libc-around", libc_around)),
        Box::new(crowd(new("mutex/unlock-below-libc+crowd", unlock_below))),
        Box::new(crowd(pi("mutex/unlock-below-libc-pi+crowd", unlock_below))),
        Box::new(crowd(pi("mutex/unlock-above-libc-pi+crowd", unlock_above))),
        Box::new(crowd(pi("mutex/unlock-libc-pi-between+crowd", unlock_between))),
    ]
}

fn with_robust() -> Several {
    Several { one: lock::stage(), two: lock::stage(), libc: robust() }
}

fn with_robust_pi() -> Several {
    Several { one: lock::stage(), two: lock::stage(), libc: robust_pi() }
}

fn two_in_order(s: &Several) {
    warm_up();
    marked(|| {
        let one = s.one.lock.lock();
        let two = s.two.lock.lock();
        s.two.work.change();
        drop(two);
        s.one.work.change();
        drop(one);
    });
}

fn two_out_of_order(s: &Several) {
    warm_up();
    marked(|| {
        let one = s.one.lock.lock();
        let two = s.two.lock.lock();
        s.one.work.change();
        drop(one);
        s.two.work.change();
        drop(two);
    });
}

fn libc_between(s: &Several) {
    warm_up();
    s.libc.lock();
    s.libc.unlock();
    marked(|| {
        let one = s.one.lock.lock();
        s.libc.lock();
        let two = s.two.lock.lock();
        s.one.work.change();
        drop(one);
        s.libc.unlock();
        s.two.work.change();
        drop(two);
    });
}

fn libc_around(s: &Several) {
    warm_up();
    s.libc.lock();
    s.libc.unlock();
    marked(|| {
        s.libc.lock();
        let one = s.one.lock.lock();
        let two = s.two.lock.lock();
        s.libc.unlock();
        s.two.work.change();
        drop(two);
        s.one.work.change();
        drop(one);
    });
}

/// Lets go of the first that was taken, the others stay held.
fn unlock_below(s: &Several) {
    let one = s.one.lock.lock();
    s.libc.lock();
    let two = s.two.lock.lock();
    marked(|| drop(one));
    s.libc.unlock();
    drop(two);
}

fn unlock_above(s: &Several) {
    let one = s.one.lock.lock();
    s.libc.lock();
    let two = s.two.lock.lock();
    marked(|| drop(two));
    s.libc.unlock();
    drop(one);
}

fn unlock_between(s: &Several) {
    let one = s.one.lock.lock();
    s.libc.lock();
    let two = s.two.lock.lock();
    marked(|| s.libc.unlock());
    drop((one, two));
}

fn pass_one(s: &Several) {
    visit(&s.one, s.one.lock.lock());
}

fn pass_two(s: &Several) {
    visit(&s.two, s.two.lock.lock());
}

fn pass_libc(s: &Several) {
    s.libc.lock();
    s.libc.unlock();
}

fn all_are_sound(s: &Several, _: &After) -> Verdict {
    pass_libc(s);
    lock::is_usable(&s.one)?;
    lock::is_usable(&s.two)?;
    // Both at once, and libc's: the list of a survivor is whole, too.
    let (one, _) = open(s.one.lock.lock());
    s.libc.lock();
    let (two, _) = open(s.two.lock.lock());
    drop(one);
    s.libc.unlock();
    drop(two);
    Ok(())
}
