//! libc's process-shared mutex and condition: controls of both kinds.
//!
//! The robust mutex with priority inheritance has no hole, which shows that the harness lets sound
//! locks pass. The plain robust one strands a sleeper on a free mutex if a third process barges in
//! between the unlocker's store and its wake and holds it while the unlocker dies, or while the
//! woken one dies before it takes the lock: the kernel wakes nobody for a lock that has another
//! owner. The condition has an internal lock that is not robust.

use super::pthread_object::{Stage, robust, robust_pi};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let mut cases = sound();
    cases.extend(broken());
    cases
}

fn sound() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, robust_pi, victim, can_lock);
    vec![
        Box::new(new("pthread/pi", lock_and_unlock)),
        Box::new(new("pthread/pi-first-use", first_lock_and_unlock)),
        Box::new(new("pthread/pi+sleeper", unlock).sleeper(lock_and_unlock)),
        Box::new(new("pthread/pi+barger", lock_and_unlock).barger(lock_and_unlock)),
        Box::new(
            new("pthread/pi+sleeper+barger", unlock).sleeper(lock_and_unlock).barger(hold_lock),
        ),
        Box::new(
            new("pthread/pi+woken", first_lock_and_unlock)
                .holder(hold_lock)
                .follower(lock_and_unlock)
                .barger(hold_lock),
        ),
        Box::new(new("pthread/pi-double", lock_and_unlock).recovery(lock_and_unlock)),
        Box::new(new("pthread/pi-pairs", lock_and_unlock).rival(lock_and_unlock)),
    ]
}

fn broken() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(
            Scenario::new("control/robust-unlocker", robust, unlock, can_lock)
                .sleeper(lock_and_unlock)
                .barger(hold_lock)
                .control(),
        ),
        Box::new(
            Scenario::new("control/robust-woken", robust, first_lock_and_unlock, can_lock)
                .holder(hold_lock)
                .follower(lock_and_unlock)
                .barger(hold_lock)
                .control(),
        ),
        Box::new(
            Scenario::new("control/condition", robust, signal, can_lock)
                .holder(|stage| stage.wait_for_flag())
                .mourner(raise_and_broadcast)
                .control(),
        ),
    ]
}

fn once(stage: &Stage) {
    stage.lock();
    stage.unlock();
}

/// Locks and unlocks, having done it before.
fn lock_and_unlock(stage: &Stage) {
    once(stage);
    first_lock_and_unlock(stage);
}

fn first_lock_and_unlock(stage: &Stage) {
    marked(|| once(stage));
}

/// Only the unlocking is the operation, so that guests find the mutex locked.
fn unlock(stage: &Stage) {
    stage.lock();
    marked(|| stage.unlock());
}

fn hold_lock(stage: &Stage) {
    stage.lock();
    hold();
    stage.unlock();
}

fn signal(stage: &Stage) {
    stage.raise_flag();
    marked(|| stage.signal());
}

fn raise_and_broadcast(stage: &Stage) {
    stage.raise_flag();
    stage.broadcast();
}

fn can_lock(stage: &Stage, _: &After) -> Verdict {
    once(stage);
    Ok(())
}
