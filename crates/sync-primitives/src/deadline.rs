//! A point on the monotonic clock up to which an operation may wait.
//!
//! [`Instant`] is `CLOCK_MONOTONIC` on Linux, so a step of the wall clock moves no deadline.

use std::time::{Duration, Instant};

/// When to give up; `None` inside means never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// Waits for as long as it takes.
    pub(crate) const NEVER: Deadline = Deadline(None);

    /// Gives up at `instant`.
    pub(crate) fn at(instant: Instant) -> Deadline {
        Deadline(Some(instant))
    }

    /// Gives up after `timeout`; one too long for the clock never does.
    pub(crate) fn after(timeout: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(timeout))
    }

    /// The earlier of this point and `slice` from now.
    pub(crate) fn within(self, slice: Duration) -> Deadline {
        let end = Instant::now() + slice;
        Deadline(Some(self.0.map_or(end, |instant| instant.min(end))))
    }

    /// True once the point has been reached.
    pub(crate) fn is_past(self) -> bool {
        self.0.is_some_and(|instant| Instant::now() >= instant)
    }

    /// What is left of the wait; `None` is without end.
    pub(crate) fn time_left(self) -> Option<Duration> {
        Some(self.0?.saturating_duration_since(Instant::now()))
    }
}
