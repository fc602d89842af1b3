//! What comes of collecting: whom to wake, what to try again, and what was learned.

use std::sync::Arc;
use std::time::Duration;

use crate::sink::Outcomes;
use crate::stats::Longest;
use crate::task::Task;

/// What has come out of a lane.
#[derive(Default)]
pub(crate) struct Harvest {
    /// Whose outcomes have changed.
    pub(crate) jobs: Vec<Arc<dyn Outcomes>>,
    /// Calls that failed and are to be tried again.
    pub(crate) again: Vec<Task>,
    /// How many calls have ended.
    pub(crate) calls: u64,
    /// How long each task took that has ended.
    pub(crate) took: Vec<Duration>,
    /// The longest of them.
    pub(crate) longest: Longest,
}

impl Harvest {
    pub(crate) fn touch(&mut self, job: &Arc<dyn Outcomes>) {
        if !self.jobs.last().is_some_and(|last| Arc::ptr_eq(last, job)) {
            self.jobs.push(job.clone());
        }
    }
}
