//! A point on the monotonic clock up to which an operation may wait.
//!
//! [`Instant`] is `CLOCK_MONOTONIC` on Linux, so a step of the wall clock moves no deadline.

use std::time::{Duration, Instant};

use rustix::time::Timespec;

/// When to give up; `None` inside means never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// Waits for as long as it takes.
    pub(crate) const NEVER: Deadline = Deadline(None);

    /// Does not wait at all.
    pub(crate) fn now() -> Deadline {
        Deadline(Some(Instant::now()))
    }

    /// Gives up at `instant`.
    pub(crate) fn at(instant: Instant) -> Deadline {
        Deadline(Some(instant))
    }

    /// Gives up after `timeout`; one too long for the clock never does.
    pub(crate) fn after(timeout: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(timeout))
    }

    /// True if the operation may wait for as long as it takes.
    pub(crate) fn is_never(self) -> bool {
        self.0.is_none()
    }

    /// True once the point has been reached.
    pub(crate) fn is_past(self) -> bool {
        self.0.is_some_and(|instant| Instant::now() >= instant)
    }

    /// What is left of the wait, as the kernel wants it; `None` is without end.
    pub(crate) fn remaining(self) -> Option<Timespec> {
        let left = self.0?.saturating_duration_since(Instant::now());
        Some(Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }))
    }

    /// The earlier of two points.
    pub(crate) fn or_earlier(self, other: Deadline) -> Deadline {
        match (self.0, other.0) {
            (Some(one), Some(two)) => Deadline(Some(one.min(two))),
            (one, two) => Deadline(one.or(two)),
        }
    }

    /// What is left of the wait; `None` is without end.
    pub(crate) fn time_left(self) -> Option<Duration> {
        Some(self.0?.saturating_duration_since(Instant::now()))
    }
}
