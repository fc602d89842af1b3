//! When a worker is replaced, and when the pool gives up on that.

use std::fs;
use std::time::{Duration, Instant};

use crate::hired::Hired;

/// How often at most a worker's memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a worker may do before it is replaced by a fresh one.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) calls: Option<u64>,
    pub(crate) age: Option<Duration>,
    /// Bytes of memory that it holds.
    pub(crate) memory: Option<u64>,
    /// How long it may have nothing to do.
    pub(crate) idle: Option<Duration>,
    /// How many workers in a row may fail to start.
    pub(crate) failures: usize,
}

impl Limits {
    /// Whether there is any but that of failures.
    pub(crate) fn are_set(&self) -> bool {
        self.calls.is_some() || self.age.is_some() || self.memory.is_some() || self.idle.is_some()
    }

    /// How many more calls a worker may be handed that has had so many.
    pub(crate) fn calls_left(&self, had: u64) -> u64 {
        self.calls.map_or(u64::MAX, |limit| limit.saturating_sub(had))
    }

    /// True if the worker has reached a limit. One that has been handed something has it done
    /// before it is too old or too big, so that there is progress whatever the limits are.
    pub(crate) fn are_reached(&self, worker: &mut Hired, now: Instant) -> bool {
        let long = |since: Instant, limit: Duration| now.saturating_duration_since(since) >= limit;
        let idle = worker.feeder.tasks() == 0;
        if worker.start_up.is_none() || !idle && !worker.has_worked {
            return false;
        }
        // Up to the limit it keeps what it was handed.
        let done = idle && self.calls_left(worker.calls) == 0;
        if done || self.age.is_some_and(|age| long(worker.since, age)) {
            return true;
        }
        if self.idle.is_some_and(|idle| worker.idle_since.is_some_and(|since| long(since, idle))) {
            return true;
        }
        let Some(limit) = self.memory.filter(|_| long(worker.last_look, LOOK)) else {
            return false;
        };
        worker.last_look = now;
        resident(worker.process.pid()).is_some_and(|bytes| bytes > limit)
    }

    /// When to look again, if nothing else happens before.
    pub(crate) fn next_look(&self, worker: &Hired, now: Instant) -> Option<Instant> {
        if worker.start_up.is_none() || worker.feeder.tasks() > 0 && !worker.has_worked {
            // Its being ready, or the end of a call, will be noticed.
            return None;
        }
        let age = self.age.and_then(|age| worker.since.checked_add(age));
        let idle = self.idle.and_then(|idle| worker.idle_since?.checked_add(idle));
        let memory = self.memory.and_then(|_| now.checked_add(LOOK));
        [age, idle, memory].into_iter().flatten().min()
    }
}

/// How much memory a process holds, in bytes.
fn resident(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
