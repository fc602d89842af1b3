//! On which cores two sides run. Left to itself, the kernel runs two processes that only wait for
//! each other on one core, where a switch costs half of what waking another core does, and two that
//! are busy on a core each.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::contender::Missing;

/// Where the two sides of a contender are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// On a core each, so that one can go on while the other does.
    Apart,
    /// On one core, so that one sleeps while the other goes on, however long each would look.
    Together,
}

impl Place {
    /// Runs `start`, which starts the other side there, then goes on in its own place.
    pub(crate) fn start<R>(self, start: impl FnOnce() -> Result<R, Missing>) -> Result<R, Missing> {
        match self {
            Place::Apart => apart(start),
            Place::Together => together(start),
        }
    }
}

/// Runs `start`, which starts the other side, on the second core, then goes on on the first.
pub(crate) fn apart<R>(start: impl FnOnce() -> Result<R, Missing>) -> Result<R, Missing> {
    let [first, second] = cores()?[..] else {
        return Err("needs two cores".into());
    };
    // A process starts with the cores of the one that starts it, and so does a thread.
    stay_on(second)?;
    let started = start()?;
    stay_on(first)?;
    Ok(started)
}

/// Runs `start`, which starts the other side, on the first core, and stays there.
fn together<R>(start: impl FnOnce() -> Result<R, Missing>) -> Result<R, Missing> {
    let first = *cores()?.first().ok_or("needs a core")?;
    stay_on(first)?;
    start()
}

/// The first two cores, or one, that this thread may use.
fn cores() -> Result<Vec<usize>, Missing> {
    let ours = sched_getaffinity(None).map_err(|e| format!("cannot ask for the cores: {e}"))?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core)).take(2).collect())
}

fn stay_on(core: usize) -> Result<(), Missing> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).map_err(|e| format!("cannot stay on core {core}: {e}"))
}
