//! How a process becomes a worker, and how the copy of one ceases to be.

use std::any::Any;
use std::rc::Rc;

use procspawn_core::catch_panic;
use rustix::process::Signal;
use rustix::thread::CpuSet;
use sync_primitives::Origin;

use crate::TaskError;
use crate::context;
use crate::lane::Lane;
use crate::parcel::Errand;
use crate::record;
use crate::worker::Payload;

/// Ends this process if it is a copy of the worker, made by code of the user that forked and
/// returned twice. It has no place here; and as its buffers, its state and its hooks are copies,
/// too, nothing of them is to be written, dropped or run.
pub(crate) fn leave_copy(origin: Origin) {
    if !origin.is_here() {
        // A process may kill itself.
        let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
    }
}

/// Becomes the worker that tasks find themselves in.
pub(crate) fn prepare(
    id: usize,
    lane: &Rc<Lane>,
    payload: Option<Errand<Payload>>,
    initializer: Option<Errand<Box<dyn Any>>>,
) -> Result<(), TaskError> {
    let caught = catch_panic(|| payload.map(Errand::run).transpose());
    let payload = caught.map_err(record::panicked)??;
    let stop = lane.clone();
    context::enter(id, Box::new(move || stop.is_to_stop()), payload);
    let caught = catch_panic(|| initializer.map(Errand::run).transpose());
    context::set_state(caught.map_err(record::panicked)??);
    Ok(())
}

/// Runs on these processors only.
pub(crate) fn pin(cpus: &[usize]) -> Result<(), TaskError> {
    if cpus.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(*cpu);
    }
    rustix::thread::sched_setaffinity(None, &set)
        .map_err(|error| TaskError::Invalid(format!("processors {cpus:?}: {error}")))
}
