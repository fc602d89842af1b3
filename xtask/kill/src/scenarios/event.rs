//! `Event`: whoever slept when the flag went up gets on, whatever became of who raised it.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use sync_primitives::Event;

use super::lock::{LONG, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

#[derive(Debug, Shareable)]
#[repr(C)]
struct Flag {
    event: Event,
    /// The barger has found the flag up and lowered it.
    lowered: AtomicU32,
}

type Stage = Shared<Flag>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = setters();
    cases.extend(waiters());
    cases
}

fn setters() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, down, victim, is_set);
    vec![
        Box::new(new("event/set", set)),
        Box::new(new("event/set-first-use", first_set)),
        Box::new(new("event/set+sleeper", set).sleeper(wait).mourner(set_if_down)),
        Box::new(new("event/set+sleepers", set).sleeper(wait).sleeper(wait).mourner(set_if_down)),
        Box::new(
            new("event/set+sleepers+barger", set)
                .sleeper(wait)
                .sleeper(wait)
                .barger(wait)
                .mourner(set_if_down),
        ),
        Box::new(
            Scenario::new("event/set+sleepers+lowered", down, set, works)
                .sleeper(wait)
                .sleeper(wait)
                .barger(lower)
                .mourner(set_if_never_up),
        ),
        Box::new(Scenario::new("event/set-again", up, set, is_up)),
        Box::new(Scenario::new("event/clear", up, clear, is_clear)),
        Box::new(
            Scenario::new("event/clear+barger", up, clear, works).barger(wait).mourner(set_if_down),
        ),
        Box::new(Scenario::new("event/double", down, set, works).recovery(set)),
        Box::new(Scenario::new("event/set-pairs", down, set, is_up).rival(set)),
        Box::new(Scenario::new("event/clear-pairs", up, clear, works).rival(set)),
    ]
}

fn waiters() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, down, victim, is_up).holder(set_on_cue);
    vec![
        Box::new(Scenario::new("event/wait", up, known_wait, is_up)),
        Box::new(Scenario::new("event/wait-first-use", up, first_wait, is_up)),
        Box::new(Scenario::new("event/past", down, past, is_down)),
        Box::new(new("event/woken", known_wait)),
        Box::new(new("event/woken-first-use", first_wait)),
        Box::new(new("event/woken+follower", known_wait).follower(wait)),
        Box::new(new("event/woken+followers", known_wait).follower(wait).follower(wait)),
        Box::new(new("event/timeout", timeout).follower(wait)),
    ]
}

fn made() -> Flag {
    Flag { event: Event::new(), lowered: AtomicU32::new(0) }
}

fn down() -> Stage {
    Shared::new(made()).expect("memory for a stage")
}

fn up() -> Stage {
    let stage = down();
    stage.event.set();
    stage
}

fn set(s: &Stage) {
    warm_up();
    first_set(s);
}

fn first_set(s: &Stage) {
    marked(|| s.event.set());
}

fn clear(s: &Stage) {
    warm_up();
    marked(|| s.event.clear());
}

fn known_wait(s: &Stage) {
    warm_up();
    first_wait(s);
}

fn first_wait(s: &Stage) {
    marked(|| s.event.wait());
}

fn past(s: &Stage) {
    warm_up();
    let risen = marked(|| s.event.wait_timeout(Duration::ZERO));
    assert!(!risen, "nobody has set it");
}

fn timeout(s: &Stage) {
    warm_up();
    let risen = marked(|| s.event.wait_timeout(LONG));
    assert!(risen, "not all the time has passed");
}

fn wait(s: &Stage) {
    s.event.wait();
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

/// Lowers the flag at once where it is up; who slept when it rose gets on all the same.
fn lower(s: &Stage) {
    if s.event.is_set() {
        s.event.clear();
        s.lowered.store(1, Release);
    }
}

fn set_if_never_up(s: &Stage) {
    if s.lowered.load(Acquire) == 0 {
        s.event.set();
    }
}

fn works(s: &Stage, _: &After) -> Verdict {
    s.event.clear();
    if s.event.wait_timeout(Duration::from_micros(1)) {
        return Err("up after it was cleared".to_owned());
    }
    s.event.set();
    s.event.wait();
    if s.event.is_set() { Ok(()) } else { Err("down after it was set".to_owned()) }
}

fn is_set(s: &Stage, after: &After) -> Verdict {
    if after.finished { is_up(s, after) } else { works(s, after) }
}

fn is_up(s: &Stage, after: &After) -> Verdict {
    if s.event.is_set() { works(s, after) } else { Err("down, though it was set".to_owned()) }
}

fn is_down(s: &Stage, after: &After) -> Verdict {
    if s.event.is_set() { Err("up, though nobody set it".to_owned()) } else { works(s, after) }
}

fn is_clear(s: &Stage, after: &After) -> Verdict {
    if after.finished { is_down(s, after) } else { works(s, after) }
}
