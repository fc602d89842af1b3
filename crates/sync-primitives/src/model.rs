//! loom's stand-in for [`platform`](crate::platform): atomics, futexes, and a kernel that knows
//! what a dying thread holds.
//!
//! A thread of a model can be given a number of steps to live ([`mortal`]). Each operation on an
//! atomic, each system call and each change of the list is a step; when they are used up, the
//! kernel does what Linux does for a dead thread, and the thread unwinds without another step: all
//! that its guards do on the way has no effect. So loom explores the interleavings of the others
//! with a death at that step, and [`explore`] tries every step.
//!
//! Sleepers have no deadline here: a lost wake-up is a deadlock, which loom reports.
//!
//! A crate whose own state machines stand on this one's futexes and locks imports its atomics from
//! here under `cfg(loom)`, has its unit tests in a module `model`, and runs them with
//! [`kill_first`]. `cargo xtask loom` builds the two crates for each other.

mod atomic;
pub(crate) mod kernel;
mod stage;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use atomic::{AtomicU32, AtomicU64};
pub use loom::hint::spin_loop;
pub use loom::sync::atomic::fence;
pub use loom::thread::yield_now;
pub use stage::{kill_first, kill_first_at_length};

pub use crate::futex::{wait, wake, wake_all};
use crate::platform::Ordering::{Relaxed, SeqCst};

/// Orders the compare-exchange before it against the loads after it.
pub fn fence_after_exchange() {
    fence(SeqCst);
}

/// The kernel of the model marks every lock of the dead, so nobody has to ask.
pub(crate) fn thread_is_gone(_tid: u32) -> bool {
    false
}

loom::thread_local! {
    /// How many steps the thread has left, if it is to die.
    static LEFT: Cell<Option<u32>> = Cell::new(None);
    static DEAD: Cell<bool> = Cell::new(false);
}

/// What a dying thread unwinds with.
struct Killed;

/// How long the mortal thread of a model lives, in steps. Each model has its own, as others are
/// explored beside it.
#[derive(Debug, Clone)]
pub struct Lifetime {
    steps: u32,
    /// Whether that was too short in any execution.
    has_died: Arc<AtomicBool>,
}

/// One step of the calling thread; the last one does not return. False if it is dead.
///
/// Every operation on what this module has is one. Between two plain writes, which are none, a model
/// can take one by itself.
pub fn step() -> bool {
    if is_dead() {
        return false;
    }
    let left = LEFT.with(Cell::get);
    if left == Some(0) {
        DEAD.with(|dead| dead.set(true));
        kernel::bury();
        resume_unwind(Box::new(Killed));
    }
    LEFT.with(|cell| cell.set(left.map(|steps| steps - 1)));
    true
}

fn is_dead() -> bool {
    DEAD.with(Cell::get)
}

/// Runs `life` until it is over or its steps are used up.
pub fn mortal(lifetime: &Lifetime, life: impl FnOnce()) {
    LEFT.with(|left| left.set(Some(lifetime.steps)));
    if let Err(cause) = catch_unwind(AssertUnwindSafe(life)) {
        if !cause.is::<Killed>() {
            resume_unwind(cause);
        }
        lifetime.has_died.store(true, Relaxed);
        return;
    }
    LEFT.with(|left| left.set(None));
}

/// Explores `model` with a thread that dies at its first step, its second, and so on, until it
/// dies no more; tells how many steps there were.
///
/// `preemptions` is how often loom may take a thread off the processor where it did not offer to
/// leave.
///
/// # Panics
///
/// When an execution panics or ends in a deadlock.
pub fn explore(
    preemptions: Option<usize>,
    model: impl Fn(&Lifetime) + Clone + Sync + Send + 'static,
) -> u32 {
    for steps in 0.. {
        let lifetime = Lifetime { steps, has_died: Arc::default() };
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = preemptions;
        let (model, of_model) = (model.clone(), lifetime.clone());
        builder.check(move || model(&of_model));
        if !lifetime.has_died.load(Relaxed) {
            return steps;
        }
    }
    unreachable!("an operation has an end")
}
