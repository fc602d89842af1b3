//! `Once`: done exactly when it says so; else the next one does it, and is told of the dead.

use ipc_shm::{Shareable, Shared};
use sync_primitives::{Once, OnceState};

use super::lock::{LONG, warm_up};
use super::work::Work;
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

#[derive(Debug, Shareable)]
#[repr(C)]
struct Table {
    once: Once,
    work: Work,
}

type Stage = Shared<Table>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, fresh, victim, gets_done);
    vec![
        Box::new(new("once/alone", call)),
        Box::new(new("once/first-use", first_call)),
        Box::new(new("once/try", try_call)),
        Box::new(new("once/done", call_again)),
        Box::new(new("once/sleeper", call).sleeper(wait).mourner(do_it)),
        Box::new(new("once/sleepers", call).sleeper(wait).sleeper(wait).mourner(do_it)),
        Box::new(new("once/barger", call).barger(do_it)),
        Box::new(new("once/bargers", call).sleeper(wait).barger(do_it).barger(do_it)),
        Box::new(new("once/blocked", call).holder(do_it_slowly)),
        Box::new(new("once/blocked+follower", call).holder(do_it_slowly).follower(do_it)),
        Box::new(
            new("once/timeout", timeout_call).holder(do_it_slowly).follower(do_it).barger(do_it),
        ),
        Box::new(new("once/wait", known_wait).holder(do_it_slowly).follower(wait)),
        Box::new(new("once/double", call).recovery(call)),
        Box::new(new("once/pairs", call).rival(call)),
    ]
}

fn fresh() -> Stage {
    Shared::new(Table { once: Once::new(), work: Work::new() }).expect("memory for a stage")
}

impl Table {
    /// The work: what the dead have left is put in order first, if somebody says so.
    fn fill(&self, state: OnceState) {
        if state == OnceState::OwnerDied {
            self.work.mend();
        }
        assert!(self.work.is_whole(), "a death at work was not reported");
        self.work.change();
    }
}

fn do_it(s: &Stage) {
    s.once.call_once(|state| s.fill(state)).expect("a lock");
    is_done(s).expect("done");
}

fn do_it_slowly(s: &Stage) {
    let work = |state| {
        s.fill(state);
        hold();
    };
    s.once.call_once(work).expect("a lock");
}

fn call(s: &Stage) {
    warm_up();
    first_call(s);
}

fn first_call(s: &Stage) {
    marked(|| s.once.call_once(|state| s.fill(state)).expect("a lock"));
}

fn try_call(s: &Stage) {
    warm_up();
    marked(|| s.once.try_call_once(|state| s.fill(state)).expect("a lock"));
}

fn timeout_call(s: &Stage) {
    warm_up();
    marked(|| s.once.call_once_timeout(LONG, |state| s.fill(state)).expect("a lock"));
}

fn call_again(s: &Stage) {
    do_it(s);
    first_call(s);
}

fn known_wait(s: &Stage) {
    warm_up();
    marked(|| s.once.wait());
}

fn wait(s: &Stage) {
    s.once.wait();
    is_done(s).expect("done");
}

fn gets_done(s: &Stage, after: &After) -> Verdict {
    let was_done = s.once.is_completed();
    if was_done {
        is_done(s)?;
    } else if after.finished {
        return Err("not done at the end of the operation".to_owned());
    }
    let mut called = false;
    let fill = |state| {
        called = true;
        s.fill(state);
    };
    s.once.call_once(fill).map_err(|error| error.to_string())?;
    if called == was_done {
        return Err(format!("was done: {was_done}, done again: {called}"));
    }
    if s.once.call_once(|_| panic!("it is done")).is_err() {
        return Err("no lock after it was done".to_owned());
    }
    s.once.wait();
    is_done(s)
}

/// Whole, and done by each who came to work but for the dead.
fn is_done(s: &Stage) -> Verdict {
    match (s.work.is_whole(), s.work.count()) {
        (true, 1..=3) if s.once.is_completed() => Ok(()),
        (whole, count) => Err(format!("said to be done; whole: {whole}, times: {count}")),
    }
}
