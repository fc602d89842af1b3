//! `wait_any`: a watcher hears of every end of a hold and of every flag that goes up, and takes no
//! wake-up with it that others need.

use std::time::{Duration, Instant};

use ipc_shm::{Shareable, Shared};
use sync_primitives::{Event, Mutex, MutexGuard, Watch, wait_any};

use super::lock::{LONG, open, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

#[derive(Debug, Shareable)]
#[repr(C)]
struct Street {
    lock: Mutex<()>,
    event: Event,
    /// One that nobody sets.
    never: Event,
}

type Stage = Shared<Street>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = holders();
    cases.extend(setters());
    cases.extend(watchers_of_a_lock());
    cases.extend(watchers_of_an_event());
    cases
}

/// A holder that lets go or dies while others watch.
fn holders() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, stage, victim, works);
    vec![
        Box::new(new("watch/unlock", unlock).sleeper(watch_lock)),
        Box::new(new("watch/unlock-of-several", unlock).sleeper(watch_several)),
        Box::new(new("watch/unlock+locker", unlock).sleeper(watch_lock).sleeper(pass)),
        Box::new(
            new("watch/unlock+watchers", unlock)
                .sleeper(watch_lock)
                .sleeper(watch_several)
                .sleeper(watch_lock)
                .sleeper(pass),
        ),
        Box::new(
            new("watch/unlock-of-several+barger", unlock)
                .sleeper(watch_several)
                .sleeper(pass)
                .sleeper(watch_several)
                .barger(pass),
        ),
        Box::new(new("watch/holder-dies", die_holding).sleeper(watch_lock).sleeper(pass)),
        Box::new(new("watch/holder-of-several-dies", die_holding).sleeper(watch_several)),
        Box::new(new("watch/unlock-pairs", unlock).rival(marked_watch)),
    ]
}

/// A setter while others watch.
fn setters() -> Vec<Box<dyn Case>> {
    let new = |name| Scenario::new(name, stage, set, works).mourner(set_if_down);
    vec![
        Box::new(new("watch/set").sleeper(watch_event)),
        Box::new(new("watch/set-of-several").sleeper(watch_both_events)),
        Box::new(new("watch/set+waiter").sleeper(watch_event).sleeper(wait)),
        Box::new(
            new("watch/set-of-several+waiters")
                .sleeper(watch_both_events)
                .sleeper(wait)
                .sleeper(watch_both_events)
                .sleeper(wait),
        ),
    ]
}

/// A watcher that dies, woken or not, beside others who want the lock.
fn watchers_of_a_lock() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, stage, victim, works).holder(hold_lock);
    vec![
        Box::new(Scenario::new("watch/free", stage, watch_twice, works)),
        Box::new(Scenario::new("watch/past", stage, look, works)),
        Box::new(new("watch/woken", known_watch)),
        Box::new(new("watch/woken-first-use", marked_watch)),
        Box::new(new("watch/woken+locker", known_watch).follower(pass)),
        Box::new(new("watch/woken+lockers", known_watch).follower(pass).follower(pass)),
        Box::new(new("watch/woken+locker+barger", known_watch).follower(pass).barger(pass)),
        Box::new(new("watch/woken+locker+holder", known_watch).follower(pass).barger(hold_lock)),
        Box::new(new("watch/woken+watcher", known_watch).follower(watch_several)),
        Box::new(new("watch/woken-of-several", known_watch_of_several)),
        Box::new(new("watch/woken-of-several+locker", known_watch_of_several).follower(pass)),
        Box::new(
            new("watch/woken-of-several+barger", known_watch_of_several)
                .follower(pass)
                .follower(pass)
                .barger(pass),
        ),
        Box::new(
            new("watch/woken-of-several+watcher", known_watch_of_several)
                .follower(watch_lock)
                .follower(pass),
        ),
        Box::new(new("watch/timeout+locker", timed_watch).follower(pass)),
    ]
}

fn watchers_of_an_event() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, stage, victim, works).holder(set_on_cue);
    vec![
        Box::new(new("watch/risen", known_watch_of_event)),
        Box::new(new("watch/risen+waiter", known_watch_of_event).follower(wait)),
        Box::new(new("watch/risen-of-several", known_watch_of_events)),
        Box::new(
            new("watch/risen-of-several+waiters", known_watch_of_events)
                .follower(wait)
                .follower(watch_event),
        ),
    ]
}

fn stage() -> Stage {
    let street = Street { lock: Mutex::new(()), event: Event::new(), never: Event::new() };
    Shared::new(street).expect("memory for a stage")
}

fn watch(watches: &[Watch<'_>], limit: Duration) {
    let ready = wait_any(watches, Some(Instant::now() + limit)).expect("a few words");
    assert_eq!(ready, [watches.len() - 1], "the last is ready, and in time");
}

fn watch_lock(s: &Stage) {
    watch(&[Watch::unlocked(&s.lock)], LONG);
}

/// The lock is not what the watcher names to the kernel.
fn watch_several(s: &Stage) {
    watch(&[Watch::event(&s.never), Watch::event(&s.event), Watch::unlocked(&s.lock)], LONG);
}

fn watch_event(s: &Stage) {
    watch(&[Watch::event(&s.event)], LONG);
}

fn watch_both_events(s: &Stage) {
    watch(&[Watch::event(&s.never), Watch::event(&s.event)], LONG);
}

fn marked_watch(s: &Stage) {
    marked(|| watch_lock(s));
}

fn known_watch(s: &Stage) {
    warm_up();
    marked_watch(s);
}

fn known_watch_of_several(s: &Stage) {
    warm_up();
    marked(|| watch_several(s));
}

fn known_watch_of_event(s: &Stage) {
    warm_up();
    marked(|| watch_event(s));
}

fn known_watch_of_events(s: &Stage) {
    warm_up();
    marked(|| watch_both_events(s));
}

fn watch_twice(s: &Stage) {
    watch_lock(s);
    marked_watch(s);
}

/// Sees nothing, as there is no time.
fn look(s: &Stage) {
    warm_up();
    let guard = enter(s);
    let ready = marked(|| wait_any(&[Watch::unlocked(&s.lock)], Some(Instant::now())));
    assert_eq!(ready.as_deref(), Ok(&[][..]));
    drop(guard);
}

/// Goes without having seen anything.
fn timed_watch(s: &Stage) {
    warm_up();
    marked(|| {
        let soon = Instant::now() + Duration::from_millis(20);
        let _ = wait_any(&[Watch::event(&s.never), Watch::unlocked(&s.lock)], Some(soon));
    });
}

fn enter(s: &Stage) -> MutexGuard<'_, ()> {
    let (guard, _) = open(s.lock.lock());
    MutexGuard::mark_consistent(&guard);
    guard
}

fn pass(s: &Stage) {
    drop(enter(s));
}

fn hold_lock(s: &Stage) {
    let guard = enter(s);
    hold();
    drop(guard);
}

fn unlock(s: &Stage) {
    let guard = enter(s);
    marked(|| drop(guard));
}

fn die_holding(s: &Stage) {
    let guard = enter(s);
    marked(|| std::hint::black_box(&guard));
    drop(guard);
}

fn wait(s: &Stage) {
    s.event.wait();
}

fn set(s: &Stage) {
    warm_up();
    marked(|| s.event.set());
}

fn set_on_cue(s: &Stage) {
    hold();
    s.event.set();
}

/// If the victim did not set it, somebody else does: who sleeps past a set event is stranded.
fn set_if_down(s: &Stage) {
    if !s.event.is_set() {
        s.event.set();
    }
}

/// The lock can be had and watched, and so can the event.
fn works(s: &Stage, _: &After) -> Verdict {
    pass(s);
    s.event.clear();
    let places = [Watch::event(&s.never), Watch::event(&s.event), Watch::unlocked(&s.lock)];
    let watched = wait_any(&places, Some(Instant::now()));
    if watched.as_deref() != Ok(&[2]) {
        return Err(format!("of a free lock and two events that are down {watched:?}"));
    }
    let guard = enter(s);
    s.event.set();
    let watched = wait_any(&places, Some(Instant::now() + LONG));
    drop(guard);
    if watched.as_deref() == Ok(&[1]) { Ok(()) } else { Err(format!("of a set event {watched:?}")) }
}
