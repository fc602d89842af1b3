//! Two sides on a core each, as parties of a barrier mostly are. Left to itself, the kernel runs
//! two processes that only wait for each other on one core, where a switch costs half of what
//! waking another core does.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::contender::Missing;

/// Runs `start`, which starts the other side, on the second core, then goes on on the first.
pub(crate) fn apart(start: impl FnOnce() -> Result<(), Missing>) -> Result<(), Missing> {
    let ours = sched_getaffinity(None).map_err(|e| format!("cannot ask for the cores: {e}"))?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| ours.is_set(*core));
    let (Some(first), Some(second)) = (cores.next(), cores.next()) else {
        return Err("needs two cores".into());
    };
    // A process starts with the cores of the one that starts it.
    stay_on(second)?;
    start()?;
    stay_on(first)
}

fn stay_on(core: usize) -> Result<(), Missing> {
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).map_err(|e| format!("cannot stay on core {core}: {e}"))
}
