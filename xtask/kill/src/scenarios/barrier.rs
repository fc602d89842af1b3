//! `Barrier`: those who wait get through, or are told that it is broken; after a reset a full round
//! works. Nobody waits for a dead party that had arrived or entered.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::thread;
use std::time::{Duration, Instant};

use ipc_shm::{Shareable, Shared};
use sync_primitives::{Barrier, BarrierWaitResult, BrokenBarrier};

use super::lock::warm_up;
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

/// How long a mourner lets those who wait find out by themselves.
const GRACE: Duration = Duration::from_millis(10);

#[derive(Debug, Shareable)]
#[repr(C)]
struct Meeting {
    barrier: Barrier<8>,
    begun: AtomicU32,
    passed: AtomicU32,
    broken: AtomicU32,
    /// How often the action was begun and ended.
    begun_actions: AtomicU32,
    ended_actions: AtomicU32,
    /// A mourner had to help.
    helped: AtomicU32,
    /// How many waited when the barger looked, the victim among them if it had arrived.
    waiting: AtomicU32,
}

type Stage = Shared<Meeting>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = arrivals();
    cases.extend(last_arrivals());
    cases.extend(parties());
    cases.extend(others());
    cases
}

fn arrivals() -> Vec<Box<dyn Case>> {
    let first = |name, victim| Scenario::new(name, two, victim, holds).mourner(meet).mourner(meet);
    let woken = |name, stage: fn() -> Stage| {
        Scenario::new(name, stage, known_wait, holds).barger(count_waiting).mourner(help_if_alone)
    };
    vec![
        Box::new(first("barrier/first", known_wait)),
        Box::new(first("barrier/first-first-use", first_wait)),
        Box::new(first("barrier/first-entered", entered_wait)),
        Box::new(woken("barrier/woken", two).holder(meet_on_cue)),
        Box::new(woken("barrier/woken-of-three", three).holder(meet_on_cue).follower(meet)),
        Box::new(
            Scenario::new("barrier/double", two, known_wait, holds)
                .recovery(give_up)
                .mourner(help_others),
        ),
    ]
}

fn last_arrivals() -> Vec<Box<dyn Case>> {
    let last = |name, victim| {
        Scenario::new(name, two, victim, ends_the_round).holder(meet).mourner(help_others)
    };
    let of_three = |name, victim| {
        Scenario::new(name, three, victim, ends_the_round)
            .holder(meet)
            .holder(meet)
            .mourner(help_others)
    };
    vec![
        Box::new(last("barrier/last", known_wait)),
        Box::new(last("barrier/last-first-use", first_wait)),
        Box::new(last("barrier/last-entered", entered_wait)),
        Box::new(last("barrier/last+barger", known_wait).barger(meet_briefly)),
        Box::new(last("barrier/action", wait_with_action)),
        Box::new(of_three("barrier/last-of-three", known_wait)),
        Box::new(of_three("barrier/action-of-three", wait_with_action)),
        Box::new(of_three("barrier/try-last-of-three", try_wait)),
    ]
}

fn parties() -> Vec<Box<dyn Case>> {
    let new = |name, victim, check| {
        Scenario::new(name, two, victim, check).holder(meet).mourner(help_others)
    };
    vec![
        Box::new(new("barrier/enter", enter, breaks_at_the_end)),
        Box::new(new("barrier/leave", leave, nobody_notices_at_the_end)),
        Box::new(new("barrier/entered-dies", die_entered, breaks)),
    ]
}

fn others() -> Vec<Box<dyn Case>> {
    let new = |name, victim, check| {
        Scenario::new(name, three, victim, check).holder(meet).holder(meet).mourner(help_others)
    };
    vec![
        Box::new(new("barrier/reset", reset, breaks_at_the_end)),
        Box::new(new("barrier/abort", abort, breaks_at_the_end)),
        Box::new(Scenario::new("barrier/reset-broken", two, reset_broken, is_whole_at_the_end)),
        Box::new(Scenario::new("barrier/reset-double", two, reset_broken, holds).recovery(reset)),
        Box::new(Scenario::new("barrier/abort-pairs", two, abort, holds).rival(reset)),
        Box::new(Scenario::new("barrier/arrival-pairs", two, brief_wait, holds).rival(brief_wait)),
    ]
}

fn of(parties: u32) -> Stage {
    let barrier = Barrier::new(parties).expect("a few parties");
    let [begun, passed, broken, begun_actions, ended_actions, helped, waiting] =
        [const { AtomicU32::new(0) }; 7];
    let meeting =
        Meeting { barrier, begun, passed, broken, begun_actions, ended_actions, helped, waiting };
    Shared::new(meeting).expect("memory for a stage")
}

fn two() -> Stage {
    of(2)
}

fn three() -> Stage {
    of(3)
}

fn known_wait(s: &Stage) {
    warm_up();
    first_wait(s);
}

fn first_wait(s: &Stage) {
    let _ = marked(|| s.barrier.wait());
}

fn entered_wait(s: &Stage) {
    let party = s.barrier.enter().expect("a place");
    let _ = marked(|| party.wait());
}

fn brief_wait(s: &Stage) {
    warm_up();
    let _ = marked(|| s.barrier.wait_timeout(Duration::from_millis(3)));
}

fn try_wait(s: &Stage) {
    warm_up();
    let _ = marked(|| s.barrier.try_wait());
}

fn wait_with_action(s: &Stage) {
    warm_up();
    let _ = marked(|| s.barrier.wait_with(|| act(s)));
}

fn act(s: &Stage) {
    s.begun_actions.fetch_add(1, AcqRel);
    s.ended_actions.fetch_add(1, AcqRel);
}

fn enter(s: &Stage) {
    warm_up();
    let party = marked(|| s.barrier.enter());
    drop(party);
}

fn leave(s: &Stage) {
    let party = s.barrier.enter().expect("a place");
    marked(|| drop(party));
}

fn die_entered(s: &Stage) {
    let party = s.barrier.enter().expect("a place");
    marked(|| std::hint::black_box(&party));
}

fn reset(s: &Stage) {
    warm_up();
    marked(|| s.barrier.reset());
}

fn reset_broken(s: &Stage) {
    s.barrier.abort();
    reset(s);
}

fn abort(s: &Stage) {
    warm_up();
    marked(|| s.barrier.abort());
}

/// Comes second and finds the death of the first, or arrives and does not wait long.
fn give_up(s: &Stage) {
    warm_up();
    let _ = marked(|| s.barrier.wait_timeout(Duration::ZERO));
}

fn note(s: &Stage, result: Result<BarrierWaitResult, BrokenBarrier>) {
    match result {
        Ok(_) => s.passed.fetch_add(1, AcqRel),
        Err(BrokenBarrier::Full | BrokenBarrier::CannotArrive) => panic!("no place: {result:?}"),
        Err(_) => s.broken.fetch_add(1, AcqRel),
    };
}

/// A survivor.
fn meet(s: &Stage) {
    s.begun.fetch_add(1, AcqRel);
    note(s, s.barrier.wait());
}

fn meet_on_cue(s: &Stage) {
    s.begun.fetch_add(1, AcqRel);
    hold();
    note(s, s.barrier.wait());
}

/// Comes to this round or to the next, and whichever it is does not wait long.
fn meet_briefly(s: &Stage) {
    let _ = s.barrier.wait_timeout(Duration::from_millis(5));
}

fn count_waiting(s: &Stage) {
    s.waiting.store(s.barrier.n_waiting(), Release);
}

fn are_all_back(s: &Stage) -> bool {
    s.passed.load(Acquire) + s.broken.load(Acquire) >= s.begun.load(Acquire)
}

/// Lets those who wait find out by themselves; tells whether they have.
fn give_time(s: &Stage) -> bool {
    let start = Instant::now();
    while !are_all_back(s) {
        if start.elapsed() > GRACE {
            return false;
        }
        thread::sleep(Duration::from_micros(200));
    }
    true
}

/// Comes in the place of a victim that did not arrive.
fn help_others(s: &Stage) {
    if !give_time(s) {
        s.helped.store(1, Release);
        let _ = s.barrier.try_wait();
    }
}

/// Ends the round of those whom the victim left alone before it arrived; those whom it left
/// afterwards must find out by themselves.
fn help_if_alone(s: &Stage) {
    let others = s.begun.load(Acquire) - u32::from(s.barrier.parties() == 2);
    if give_time(s) || s.waiting.load(Acquire) > others {
        return;
    }
    s.helped.store(1, Release);
    s.barrier.abort();
}

/// All survivors got the same, and the barrier works, if need be after a reset.
fn holds(s: &Stage, _: &After) -> Verdict {
    let (passed, broken) = (s.passed.load(Acquire), s.broken.load(Acquire));
    if passed > 0 && broken > 0 {
        return Err(format!("{passed} got through, {broken} were told that it is broken"));
    }
    if s.begun_actions.load(Acquire) != s.ended_actions.load(Acquire) && passed > 0 {
        return Err("through, though the action did not end".to_owned());
    }
    if s.barrier.is_broken() || is_missing_one(s) {
        s.barrier.reset();
    }
    full_round(s)?;
    s.barrier.reset();
    full_round(s)
}

/// A dead party that nobody has met yet breaks the next round, as it should.
fn is_missing_one(s: &Stage) -> bool {
    s.barrier.wait_timeout(Duration::ZERO).is_err()
}

fn full_round(s: &Stage) -> Verdict {
    let parties = s.barrier.parties();
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..parties).map(|_| scope.spawn(|| s.barrier.wait())).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let mut places: Vec<_> =
        results.iter().filter_map(|result| result.ok()).map(|r| r.index()).collect();
    places.sort_unstable();
    if places.iter().copied().eq(0..parties) {
        Ok(())
    } else {
        Err(format!("a round of the living came to {results:?}"))
    }
}

fn ends_the_round(s: &Stage, after: &After) -> Verdict {
    if after.finished && s.passed.load(Acquire) == 0 {
        return Err("the round did not end with its last arrival".to_owned());
    }
    holds(s, after)
}

fn breaks_at_the_end(s: &Stage, after: &After) -> Verdict {
    if after.finished { breaks(s, after) } else { holds(s, after) }
}

fn breaks(s: &Stage, after: &After) -> Verdict {
    if s.passed.load(Acquire) > 0 || s.helped.load(Acquire) > 0 {
        return Err("those who waited were not told that it is broken".to_owned());
    }
    holds(s, after)
}

fn nobody_notices_at_the_end(s: &Stage, after: &After) -> Verdict {
    if after.finished && s.broken.load(Acquire) > 0 {
        return Err("broken by a party that had left".to_owned());
    }
    holds(s, after)
}

fn is_whole_at_the_end(s: &Stage, after: &After) -> Verdict {
    if after.finished && s.barrier.is_broken() {
        return Err("broken after it was reset".to_owned());
    }
    holds(s, after)
}
