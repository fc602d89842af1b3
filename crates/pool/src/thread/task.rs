//! What workers know of a task.

use std::sync::Arc;
use std::time::Instant;

use super::worker::Desk;
use crate::TaskError;
use crate::sink::Outcomes;

/// A task as workers and those who end it know it, whatever it calls.
///
/// None of this runs under a lock of the caller but `expire`, which runs no code of the user.
pub(super) trait Task: Send + Sync {
    fn is_of(&self, job: &Arc<dyn Outcomes>) -> bool;

    fn priority(&self) -> i32;

    /// Makes the calls.
    fn run(&self, desk: &Desk);

    /// Whether a call runs, and has not been given up.
    fn is_running(&self) -> bool;

    /// Whether the call that runs should stop.
    fn is_asked(&self) -> bool;

    /// Asks the call that runs to stop.
    fn ask(&self);

    /// Ends the calls that have not begun; false if there are none.
    fn fail_rest(&self, error: &TaskError) -> bool;

    /// Ends these and the call that runs, without waiting for it.
    fn fail_all(&self, error: &TaskError) -> Ended;

    /// Ends the call that runs, in the thread that runs it.
    fn fail_running(&self, error: TaskError);

    /// When the call that runs will have run for too long.
    fn deadline(&self) -> Option<Instant>;

    /// Gives up the call that runs if it has run for too long.
    fn expire(&self, now: Instant) -> Option<Expired>;
}

/// Which calls somebody has ended.
pub(super) struct Ended {
    pub(super) any: bool,
    pub(super) running: bool,
}

/// What is left of a task whose call has run for too long.
pub(super) struct Expired {
    /// The calls after it.
    pub(super) rest: Option<Arc<dyn Task>>,
    /// Tells of the call, or gives it another attempt.
    pub(super) settle: Box<dyn FnOnce() -> Option<Arc<dyn Task>> + Send>,
}
