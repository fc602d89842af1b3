//! Where what came of a job's calls is put.

use std::time::Duration;

use ipc_pipe::Message;

use crate::record::Run;
use crate::{Progress, TaskError};

/// Takes what came of the calls of a job, from any thread; a call is named by its index in the job.
///
/// What has been put is told to those who wait by [`wake`](Outcomes::wake) only, so that they are
/// not woken for each of many, nor while the executor holds a lock.
pub trait Outcomes: Send + Sync {
    /// Encoded values and failures of consecutive calls.
    fn put_run(&self, run: Run<'_>);

    /// An encoded value, or an encoded failure, that came with descriptors or is long.
    fn put_message(&self, index: u64, failed: bool, message: Message);

    /// A call has no value.
    fn fail(&self, index: u64, error: TaskError);

    /// So many calls took so long together.
    fn took(&self, calls: u64, elapsed: Duration);

    /// Tells those who wait.
    fn wake(&self);

    /// The job is over, by being cancelled maybe: its calls that have not begun need not.
    fn is_over(&self) -> bool;

    /// What has become of the calls.
    fn progress(&self) -> &Progress;
}

/// The same, of values that are here already.
pub trait Sink<R>: Outcomes {
    /// A call has returned.
    fn put(&self, index: u64, value: R);
}
