//! What handles ask of the executor that runs their tasks.

use std::sync::Arc;
use std::time::Instant;

use crate::callbacks::Callbacks;
use crate::sink::Outcomes;

/// What to do with calls that have begun when a job is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Running {
    /// Kill the worker that runs them, where workers are processes; others are asked to stop
    /// ([`should_stop`](crate::should_stop)), and their value is not waited for.
    Kill,
    /// Ask them to stop, and take the value that they come to.
    Ask,
    /// Let them be.
    Leave,
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskState {
    /// No worker has begun it.
    Queued,
    /// A worker runs it.
    Running,
    /// It has ended.
    Done,
}

/// The executor as its handles know it.
///
/// A job is known by its outcomes, the same `Arc` that came with its [`Work`](crate::Work).
pub trait Control: Send + Sync {
    /// Ends all calls of the job that have not begun as cancelled, and treats those that have as
    /// `running` says. True if any call ended so, or will.
    fn cancel(&self, job: &Arc<dyn Outcomes>, running: Running) -> bool;

    /// Whether a worker runs a call of the job.
    fn is_running(&self, job: &Arc<dyn Outcomes>) -> bool;

    /// False in a process that was forked from the executor's: nothing that runs there ends here.
    /// The default is true.
    fn is_here(&self) -> bool {
        true
    }

    /// Has the calling thread, which waits for something to end, do a part of the executor's work
    /// until `is_over` says that it has, or `deadline` has passed: nobody need wake it then.
    ///
    /// It may return at any time, and the thread waits otherwise. The default does nothing.
    fn help(&self, is_over: &dyn Fn() -> bool, deadline: Option<Instant>) {
        let _ = (is_over, deadline);
    }

    /// Where callbacks run.
    fn callbacks(&self) -> &Callbacks;
}
