//! `Latch`: an arrival counts or does not, and if it was the last, all who sleep get on.

use ipc_shm::Shared;
use sync_primitives::Latch;

use super::lock::{LONG, warm_up};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

type Stage = Shared<Latch>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let last = |name, victim| Scenario::new(name, one_missing, victim, opened);
    let waits =
        |name, victim| Scenario::new(name, one_missing, victim, is_open).holder(arrive_on_cue);
    vec![
        Box::new(last("latch/last", arrive)),
        Box::new(last("latch/last-first-use", first_arrive)),
        Box::new(last("latch/last+sleeper", arrive).sleeper(wait).mourner(arrive_if_missing)),
        Box::new(
            last("latch/last+sleepers", arrive)
                .sleeper(wait)
                .sleeper(wait)
                .mourner(arrive_if_missing),
        ),
        Box::new(
            last("latch/last+sleepers+barger", arrive)
                .sleeper(wait)
                .sleeper(wait)
                .barger(wait)
                .mourner(arrive_if_missing),
        ),
        Box::new(
            Scenario::new("latch/first-of-two+sleeper", two_missing, arrive, is_open)
                .sleeper(wait)
                .mourner(arrive_if_missing)
                .mourner(arrive_if_missing),
        ),
        Box::new(Scenario::new("latch/pairs", two_missing, arrive, opened_by_both).rival(arrive)),
        Box::new(Scenario::new("latch/double", two_missing, arrive, any).recovery(arrive)),
        Box::new(waits("latch/woken", known_wait)),
        Box::new(waits("latch/woken-first-use", first_wait)),
        Box::new(waits("latch/woken+follower", known_wait).follower(wait)),
        Box::new(waits("latch/woken+followers", timeout).follower(wait).follower(wait)),
    ]
}

fn missing(count: u32) -> Stage {
    Shared::new(Latch::new(count).expect("a small count")).expect("memory for a stage")
}

fn one_missing() -> Stage {
    missing(1)
}

fn two_missing() -> Stage {
    missing(2)
}

fn count_down(latch: &Stage) {
    latch.count_down(1).expect("as many as are missing");
}

fn arrive(latch: &Stage) {
    warm_up();
    first_arrive(latch);
}

fn first_arrive(latch: &Stage) {
    marked(|| count_down(latch));
}

fn known_wait(latch: &Stage) {
    warm_up();
    first_wait(latch);
}

fn first_wait(latch: &Stage) {
    marked(|| latch.wait());
}

fn timeout(latch: &Stage) {
    warm_up();
    let opened = marked(|| latch.wait_timeout(LONG));
    assert!(opened, "not all the time has passed");
}

fn wait(latch: &Stage) {
    latch.wait();
}

fn arrive_on_cue(latch: &Stage) {
    hold();
    count_down(latch);
}

/// In the dead one's place, if it did not arrive. One too many is refused.
fn arrive_if_missing(latch: &Stage) {
    let _ = latch.count_down(1);
}

fn opened(latch: &Stage, after: &After) -> Verdict {
    if after.finished && !latch.try_wait() {
        return Err("closed after the last arrival".to_owned());
    }
    let _ = latch.count_down(latch.count());
    is_open(latch, after)
}

fn opened_by_both(latch: &Stage, after: &After) -> Verdict {
    match (latch.count(), after.deaths) {
        (0, _) => is_open(latch, after),
        (1, 1) => opened(latch, &After { finished: false, ..*after }),
        (count, deaths) => Err(format!("{count} are missing after {deaths} deaths")),
    }
}

fn any(latch: &Stage, after: &After) -> Verdict {
    opened(latch, &After { finished: false, ..*after })
}

fn is_open(latch: &Stage, _: &After) -> Verdict {
    if !latch.try_wait() {
        return Err(format!("{} are missing", latch.count()));
    }
    latch.wait();
    if latch.count_down(1).is_ok() { Err("one arrival too many".to_owned()) } else { Ok(()) }
}
