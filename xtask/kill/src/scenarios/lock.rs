//! What every lock must stand, whichever it is: alone and in company, at each of its operations.
//!
//! Who gets the lock works at two halves. If the victim died at that, the next one must be told; if
//! it had come to the end of its operation, it must not.

use std::time::Duration;

use ipc_shm::{Layout, Shareable, Shared};
use sync_primitives::{LockError, Mutex};

use super::work::Work;
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

/// So long that no run gets there.
pub(super) const LONG: Duration = Duration::from_secs(1000);

pub(super) type Locked<G> = Result<G, LockError<G>>;

/// A lock that one process holds at a time.
pub(super) trait Lock: Shareable {
    type Guard<'a>;
    /// Whether the next holder is told that the last one died.
    const REPORTS: bool;

    fn free() -> Self;
    fn lock(&self) -> Locked<Self::Guard<'_>>;
    fn try_lock(&self) -> Locked<Self::Guard<'_>>;
    fn lock_timeout(&self, timeout: Duration) -> Locked<Self::Guard<'_>>;
    fn mark_consistent(guard: &Self::Guard<'_>);
    fn is_locked(&self) -> bool;
}

/// A lock and what it protects.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Guarded<L> {
    pub(super) lock: L,
    pub(super) work: Work,
}

// SAFETY: two fields that may live in shared memory, in the order of C.
#[allow(unsafe_code, reason = "the derive takes no type with a parameter")]
unsafe impl<L: Shareable> Shareable for Guarded<L> {
    const LAYOUT: Layout = Layout::new("kill::Guarded", size_of::<Self>(), align_of::<Self>())
        .with(L::LAYOUT)
        .with(Work::LAYOUT);
}

pub(super) type Stage<L> = Shared<Guarded<L>>;

pub(super) fn stage<L: Lock>() -> Stage<L> {
    let stage = Guarded { lock: L::free(), work: Work::new() };
    Shared::new(stage).expect("memory for a stage")
}

/// The scenarios that all locks have in common.
pub(super) fn cases<L: Lock>(family: &str) -> Vec<Box<dyn Case>> {
    let mut cases = undisturbed::<L>(family);
    cases.extend(with_sleepers::<L>(family));
    cases.extend(blocked::<L>(family));
    cases.extend(impatient::<L>(family));
    cases
}

fn new<L: Lock>(family: &str, name: &str, victim: fn(&Stage<L>)) -> Scenario<Stage<L>> {
    Scenario::new(format!("{family}/{name}"), stage::<L>, victim, is_sound::<L>)
}

fn undisturbed<L: Lock>(family: &str) -> Vec<Box<dyn Case>> {
    let new = |name, victim| new::<L>(family, name, victim);
    vec![
        Box::new(new("alone", cycle)),
        Box::new(new("first-use", first_cycle)),
        Box::new(new("unlock", unlock)),
        Box::new(Scenario::new(format!("{family}/lock"), stage::<L>, take, is_sound_if_kept::<L>)),
        Box::new(new("barger", cycle).barger(pass)),
        Box::new(new("barger-holds", cycle).barger(hold_lock)),
        Box::new(new("double", cycle).recovery(recover)),
        Box::new(new("double-first-use", unlock).recovery(first_recover)),
        Box::new(new("pairs", cycle).rival(cycle)),
    ]
}

fn with_sleepers<L: Lock>(family: &str) -> Vec<Box<dyn Case>> {
    let new = |name, victim| new::<L>(family, name, victim);
    vec![
        Box::new(new("sleeper", unlock).sleeper(pass)),
        Box::new(new("two-sleepers", unlock).sleeper(pass).sleeper(pass)),
        Box::new(new("sleeper+barger", unlock).sleeper(pass).barger(pass)),
        Box::new(new("sleeper+barger-holds", unlock).sleeper(pass).barger(hold_lock)),
        Box::new(
            new("two-sleepers+barger-holds", unlock).sleeper(pass).sleeper(pass).barger(hold_lock),
        ),
    ]
}

fn blocked<L: Lock>(family: &str) -> Vec<Box<dyn Case>> {
    let new = |name| new::<L>(family, name, known_cycle).holder(hold_lock);
    vec![
        Box::new(new("blocked")),
        Box::new(new("blocked+follower").follower(pass)),
        Box::new(new("blocked+follower+barger").follower(pass).barger(pass)),
        Box::new(new("blocked+follower+barger-holds").follower(pass).barger(hold_lock)),
    ]
}

fn impatient<L: Lock>(family: &str) -> Vec<Box<dyn Case>> {
    let new = |name, victim| new::<L>(family, name, victim);
    vec![
        Box::new(new("try", try_cycle)),
        Box::new(new("try-held", try_held).holder(hold_lock)),
        Box::new(new("try-held+sleeper", try_held).holder(hold_lock).sleeper(pass)),
        Box::new(new("past", past_cycle)),
        Box::new(new("past-held", past_held).holder(hold_lock)),
        Box::new(new("timeout", timeout_cycle).holder(hold_lock).follower(pass)),
    ]
}

/// Makes this thread known to itself, so that a first use is left out.
pub(super) fn warm_up() {
    drop(Mutex::new(()).lock());
}

/// Has the lock: works, unless it has been told that the halves may differ.
pub(super) fn visit<'a, L: Lock>(stage: &'a Guarded<L>, locked: Locked<L::Guard<'a>>) {
    drop(work_at(stage, locked));
}

fn work_at<'a, L: Lock>(stage: &'a Guarded<L>, locked: Locked<L::Guard<'a>>) -> L::Guard<'a> {
    let (guard, told) = open(locked);
    if !L::REPORTS && !stage.work.is_whole() {
        stage.work.expect_nobody();
        stage.work.mend();
    }
    if !told {
        assert!(stage.work.is_whole(), "a death at work was not reported");
        stage.work.change();
    }
    guard
}

/// The guard, and whether it came with a warning.
pub(super) fn open<G>(locked: Locked<G>) -> (G, bool) {
    match locked {
        Ok(guard) => (guard, false),
        Err(LockError::OwnerDied(guard)) => (guard, true),
        Err(error) => panic!("no lock: {error}"),
    }
}

fn cycle<L: Lock>(stage: &Stage<L>) {
    pass(stage);
    first_cycle(stage);
}

fn first_cycle<L: Lock>(stage: &Stage<L>) {
    marked(|| pass(stage));
}

/// As a first one, of a thread that knows itself: the lock is held, so it cannot use that before.
fn known_cycle<L: Lock>(stage: &Stage<L>) {
    warm_up();
    first_cycle(stage);
}

fn pass<L: Lock>(stage: &Stage<L>) {
    visit(stage, stage.lock.lock());
}

fn unlock<L: Lock>(stage: &Stage<L>) {
    let guard = work_at(stage, stage.lock.lock());
    marked(|| drop(guard));
}

fn take<L: Lock>(stage: &Stage<L>) {
    pass(stage);
    let locked = marked(|| stage.lock.lock());
    visit(stage, locked);
}

fn hold_lock<L: Lock>(stage: &Stage<L>) {
    let guard = work_at(stage, stage.lock.lock());
    hold();
    drop(guard);
}

fn try_cycle<L: Lock>(stage: &Stage<L>) {
    pass(stage);
    marked(|| visit(stage, stage.lock.try_lock()));
}

fn try_held<L: Lock>(stage: &Stage<L>) {
    warm_up();
    let locked = marked(|| stage.lock.try_lock());
    assert!(matches!(locked, Err(LockError::WouldBlock)), "the lock is held");
}

/// A free lock is taken even if there is no time.
fn past_cycle<L: Lock>(stage: &Stage<L>) {
    pass(stage);
    marked(|| visit(stage, stage.lock.lock_timeout(Duration::ZERO)));
}

fn past_held<L: Lock>(stage: &Stage<L>) {
    warm_up();
    let locked = marked(|| stage.lock.lock_timeout(Duration::ZERO));
    assert!(matches!(locked, Err(LockError::TimedOut)), "the lock is held");
}

fn timeout_cycle<L: Lock>(stage: &Stage<L>) {
    warm_up();
    marked(|| visit(stage, stage.lock.lock_timeout(LONG)));
}

/// Puts in order what the dead one has left.
fn recover<L: Lock>(stage: &Stage<L>) {
    warm_up();
    first_recover(stage);
}

fn first_recover<L: Lock>(stage: &Stage<L>) {
    marked(|| {
        let (guard, told) = open(stage.lock.lock());
        if told {
            stage.work.mend();
            L::mark_consistent(&guard);
        }
        visit_held(stage);
        drop(guard);
    });
}

fn visit_held<L: Lock>(stage: &Guarded<L>) {
    if !L::REPORTS {
        stage.work.expect_nobody();
        stage.work.mend();
    }
    assert!(stage.work.is_whole(), "a death at work was not reported");
    stage.work.change();
}

fn is_sound<L: Lock>(stage: &Stage<L>, after: &After) -> Verdict {
    let told = is_usable(stage)?;
    let ended_well = after.deaths == 0 || after.deaths == 1 && after.finished;
    if told && ended_well { Err("a death was reported that was none".to_owned()) } else { Ok(()) }
}

/// The operation's end leaves the victim with the lock.
fn is_sound_if_kept<L: Lock>(stage: &Stage<L>, after: &After) -> Verdict {
    let told = is_usable(stage)?;
    if after.finished && L::REPORTS && !told {
        return Err("the holder's death was not reported".to_owned());
    }
    Ok(())
}

/// Takes the lock, mends, and uses it for some rounds; tells whether a death was reported.
pub(super) fn is_usable<L: Lock>(stage: &Guarded<L>) -> Result<bool, String> {
    let (guard, told) = open(stage.lock.lock());
    if L::REPORTS && !told && !stage.work.is_whole() {
        return Err("a death at work was not reported".to_owned());
    }
    stage.work.mend();
    L::mark_consistent(&guard);
    drop(guard);
    for round in 0..3 {
        let (guard, told) = open(stage.lock.try_lock());
        if told {
            return Err(format!("a death reported again in round {round}"));
        }
        stage.work.change();
        drop(guard);
    }
    if stage.lock.is_locked() { Err("held by nobody".to_owned()) } else { Ok(told) }
}
