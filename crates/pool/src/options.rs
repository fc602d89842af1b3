//! What can be asked for a task besides its arguments.

use std::time::Duration;

use crate::TaskError;

/// How a task is to be run: [`Call`](crate::Call) sets each of these.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Tasks of a higher priority start before those of a lower one; 0 unless said.
    pub priority: i32,
    /// When the task is asked to stop: from then on [`should_stop`](crate::should_stop) is true.
    pub soft_timeout: Option<Duration>,
    /// When the worker that runs the task is killed.
    pub timeout: Option<Duration>,
    /// When it is tried again.
    pub retry: Retry,
}

impl Options {
    /// Whether somebody must know how long a call runs.
    pub(crate) fn is_timed(&self) -> bool {
        self.soft_timeout.is_some() || self.timeout.is_some()
    }
}

/// Which failures of a task are tried again, and how often.
///
/// # Examples
///
/// ```
/// use pool::Retry;
///
/// // Up to three more times if a worker dies with it, and if it panics.
/// let retry = Retry::on_death(3).and_on_panic();
/// # let _ = retry;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    death: bool,
    panic: bool,
    timeout: bool,
}

impl Retry {
    /// No failure is tried again: the default.
    pub const NEVER: Retry = Retry { times: 0, death: false, panic: false, timeout: false };

    /// Up to `times` more attempts when the worker dies.
    #[must_use]
    pub const fn on_death(times: u32) -> Retry {
        Retry { times, death: true, ..Retry::NEVER }
    }

    /// Up to `times` more attempts when the task panics.
    #[must_use]
    pub const fn on_panic(times: u32) -> Retry {
        Retry { times, panic: true, ..Retry::NEVER }
    }

    /// Up to `times` more attempts when the task runs into its timeout.
    #[must_use]
    pub const fn on_timeout(times: u32) -> Retry {
        Retry { times, timeout: true, ..Retry::NEVER }
    }

    /// Also when the worker dies.
    #[must_use]
    pub const fn and_on_death(self) -> Retry {
        Retry { death: true, ..self }
    }

    /// Also when the task panics.
    #[must_use]
    pub const fn and_on_panic(self) -> Retry {
        Retry { panic: true, ..self }
    }

    /// Also when the task runs into its timeout.
    #[must_use]
    pub const fn and_on_timeout(self) -> Retry {
        Retry { timeout: true, ..self }
    }

    /// Whether a task that has failed so, after so many attempts before this one, gets another one.
    pub(crate) fn allows(self, error: &TaskError, attempts: u32) -> bool {
        attempts < self.times
            && match error {
                TaskError::WorkerDied(_) => self.death,
                TaskError::Panicked { .. } => self.panic,
                TaskError::TimedOut(_) => self.timeout,
                _ => false,
            }
    }

    /// Whether it can matter that a task has run for too long.
    pub(crate) fn minds_timeouts(self) -> bool {
        self.timeout && self.times > 0
    }

    /// Whether it can matter that a task has panicked.
    pub(crate) fn minds_panics(self) -> bool {
        self.panic && self.times > 0
    }
}
