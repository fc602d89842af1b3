//! `Condvar`: no death of a notifier or of a woken waiter leaves others asleep.
//!
//! A notification that has been given is made up for by the kernel. Nothing makes up for one that
//! was not given, so that a mourner gives it then; whether it was is told by the first word.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::thread;
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use sync_primitives::{Condvar, LockError, Mutex, MutexGuard};

use super::lock::{LONG, Locked, open, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

#[derive(Debug, Shareable)]
#[repr(C)]
struct Shop {
    mutex: Mutex<()>,
    condvar: Condvar,
    /// Something to take; changed under the mutex.
    tokens: AtomicU32,
    customers: AtomicU32,
    served: AtomicU32,
    /// How many slept when the barger looked, by the count that the condition keeps.
    asleep: AtomicU32,
}

type Stage = Shared<Shop>;

/// Enough for all who come.
const PLENTY: u32 = 100;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = notifiers();
    cases.extend(waiters());
    cases
}

/// The customers sleep before the victim comes, so they are holders.
fn notifiers() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, empty, victim, works);
    vec![
        Box::new(new("condvar/notify-none", notify_all)),
        Box::new(new("condvar/notify-first-use", first_notify_all)),
        Box::new(new("condvar/notify-one", notify_one).holder(buy).mourner(notify_if_not)),
        Box::new(
            new("condvar/notify-one-of-two", notify_one)
                .holder(buy)
                .holder(buy)
                .mourner(notify_when_one_is_served),
        ),
        Box::new(new("condvar/notify-all", notify_all).holder(buy).mourner(notify_if_not)),
        Box::new(
            new("condvar/notify-all-of-two", notify_all)
                .holder(buy)
                .holder(buy)
                .mourner(notify_if_not),
        ),
        Box::new(
            new("condvar/notify-all-of-three+barger", notify_all)
                .holder(buy)
                .holder(buy)
                .holder(buy)
                .barger(buy)
                .mourner(notify_if_not),
        ),
        Box::new(
            new("condvar/notify-locked", notify_locked)
                .holder(buy)
                .holder(buy)
                .mourner(notify_if_not),
        ),
        Box::new(new("condvar/double", notify_all).recovery(notify_all)),
        Box::new(new("condvar/notify-pairs", notify_all).rival(notify_one)),
    ]
}

fn waiters() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, empty, victim, works);
    vec![
        Box::new(new("condvar/wait", known_buy).holder(sell_to_all)),
        Box::new(new("condvar/wait-first-use", first_buy).holder(sell_to_all)),
        Box::new(new("condvar/wait+follower", known_buy).holder(sell_to_all).follower(buy)),
        Box::new(
            new("condvar/wait+followers+barger", known_buy)
                .holder(sell_to_all)
                .follower(buy)
                .follower(buy)
                .barger(hold_mutex),
        ),
        Box::new(new("condvar/timeout", timeout_buy).holder(sell_to_all).follower(buy)),
        Box::new(
            new("condvar/one-for-two", known_buy)
                .holder(sell_one)
                .follower(buy)
                .barger(count_sleepers)
                .mourner(sell_if_asked_for),
        ),
        Box::new(
            new("condvar/one-for-three", known_buy)
                .holder(sell_one)
                .follower(buy)
                .follower(buy)
                .barger(count_sleepers)
                .mourner(sell_if_asked_for),
        ),
        Box::new(new("condvar/past", past)),
    ]
}

impl Shop {
    /// Locks, and goes on with what the dead have left: tokens are taken by one store.
    fn enter(&self) -> MutexGuard<'_, ()> {
        mended(self.mutex.lock())
    }

    /// Waits for a token and takes it.
    fn take(&self, wait: impl Fn(MutexGuard<'_, ()>) -> Locked<MutexGuard<'_, ()>>) {
        let mut guard = self.enter();
        while self.tokens.load(Acquire) == 0 {
            guard = mended(wait(guard));
        }
        self.tokens.fetch_sub(1, AcqRel);
        drop(guard);
    }

    fn put(&self, tokens: u32) {
        let guard = self.enter();
        self.tokens.fetch_add(tokens, AcqRel);
        drop(guard);
    }

    /// How often somebody has notified.
    fn notifications(&self) -> u32 {
        self.words()[0].load(Acquire)
    }

    /// How many sleep, at least.
    fn sleepers(&self) -> u32 {
        self.words()[1].load(Acquire)
    }

    /// What the condition is made of, and tells nobody.
    #[allow(unsafe_code, reason = "the condition has no accessors")]
    fn words(&self) -> &[AtomicU32; 3] {
        const { assert!(size_of::<Condvar>() == size_of::<[AtomicU32; 3]>()) };
        // SAFETY: the condition is three atomic words, and lives as long as the reference.
        unsafe { &*std::ptr::from_ref(&self.condvar).cast() }
    }
}

fn mended<'a>(locked: Locked<MutexGuard<'a, ()>>) -> MutexGuard<'a, ()> {
    let (guard, _) = open(locked);
    MutexGuard::mark_consistent(&guard);
    guard
}

fn empty() -> Stage {
    let [tokens, customers, served, asleep] = [const { AtomicU32::new(0) }; 4];
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    let shop = Shop { mutex, condvar, tokens, customers, served, asleep };
    Shared::new(shop).expect("memory for a stage")
}

/// A survivor.
fn buy(s: &Stage) {
    s.customers.fetch_add(1, AcqRel);
    s.take(|guard| s.condvar.wait(guard));
    s.served.fetch_add(1, AcqRel);
}

fn known_buy(s: &Stage) {
    warm_up();
    first_buy(s);
}

fn first_buy(s: &Stage) {
    marked(|| s.take(|guard| s.condvar.wait(guard)));
}

fn timeout_buy(s: &Stage) {
    warm_up();
    marked(|| {
        s.take(|guard| {
            let waited = s.condvar.wait_timeout(guard, LONG);
            waited.map(|(guard, _)| guard).map_err(|error| match error {
                LockError::OwnerDied((guard, _)) => LockError::OwnerDied(guard),
                _ => LockError::Corrupt,
            })
        });
    });
}

fn past(s: &Stage) {
    warm_up();
    marked(|| {
        let waited = s.condvar.wait_timeout(s.enter(), Duration::ZERO);
        assert!(waited.is_ok_and(|(_, result)| result.timed_out()));
    });
}

fn notify_one(s: &Stage) {
    s.put(PLENTY);
    marked(|| s.condvar.notify_one());
}

fn notify_all(s: &Stage) {
    s.put(PLENTY);
    marked(|| s.condvar.notify_all());
}

fn first_notify_all(s: &Stage) {
    marked(|| s.condvar.notify_all());
}

/// All that one does: the lock, the change, the notification.
fn notify_locked(s: &Stage) {
    warm_up();
    marked(|| {
        let guard = s.enter();
        s.tokens.store(PLENTY, Release);
        s.condvar.notify_all();
        drop(guard);
    });
}

/// A notification that was given wakes those who sleep, even if its giver died at once.
fn notify_if_not(s: &Stage) {
    if s.notifications() == 0 {
        s.put(PLENTY);
        s.condvar.notify_all();
    }
}

/// The one notification must serve one; then comes one for the other.
fn notify_when_one_is_served(s: &Stage) {
    notify_if_not(s);
    while s.served.load(Acquire) == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    s.condvar.notify_all();
}

fn sell_to_all(s: &Stage) {
    hold();
    s.put(PLENTY);
    s.condvar.notify_all();
}

fn sell_one(s: &Stage) {
    hold();
    s.put(1);
    s.condvar.notify_one();
}

fn hold_mutex(s: &Stage) {
    let guard = s.enter();
    hold();
    drop(guard);
}

fn count_sleepers(s: &Stage) {
    s.asleep.store(s.sleepers(), Release);
}

/// One token for several: if the victim counted as asleep when it died, its notification goes to
/// another without help. Who has taken the token, or is past the condition, has used it up: then,
/// and for those who got none, there is more.
fn sell_if_asked_for(s: &Stage) {
    let customers = s.customers.load(Acquire);
    if customers > 0 && s.asleep.load(Acquire) > customers {
        while s.served.load(Acquire) == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    s.put(PLENTY);
    s.condvar.notify_all();
}

fn works(s: &Stage, _: &After) -> Verdict {
    drop(s.enter());
    thread::scope(|scope| {
        s.tokens.store(0, Release);
        let customers = [scope.spawn(|| buy(s)), scope.spawn(|| buy(s))];
        while s.sleepers() < 2 {
            thread::yield_now();
        }
        s.put(2);
        s.condvar.notify_one();
        s.condvar.notify_one();
        let served = customers.into_iter().all(|customer| customer.join().is_ok());
        if served { Ok(()) } else { Err("a waiter failed".to_owned()) }
    })
}
