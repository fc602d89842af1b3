//! What a pool has done, for people.

use std::time::Duration;

/// How many of the longest tasks are remembered.
const LONGEST: usize = 5;

/// What a pool has done so far: what [`Pool::stats`](crate::Pool::stats) gives.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PoolStats {
    /// One for each worker, those included that are being replaced.
    pub workers: Vec<WorkerStats>,
    /// How many tasks, of one call or several, wait that no worker has been handed.
    pub waiting: usize,
    /// How many workers have died by themselves or were killed.
    pub deaths: u64,
    /// The tasks that took longest, the longest first.
    pub longest: Vec<LongTask>,
}

/// What one worker has done, together with those that it replaced.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerStats {
    /// Its number, from 0 on.
    pub id: usize,
    /// Its process id, while it has one.
    pub pid: Option<u32>,
    /// How many processes there have been at this place.
    pub starts: u64,
    /// How long the last of them took from its start until it was ready.
    pub start_up: Duration,
    /// How long they have worked on tasks that have ended.
    pub working: Duration,
    /// How long they have waited for tasks.
    pub waiting: Duration,
    /// How many calls have ended in them.
    pub calls: u64,
}

/// A task that took long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LongTask {
    /// How long it took.
    pub took: Duration,
    /// The function, for people.
    pub function: &'static str,
    /// The index of its first call in its job.
    pub first: u64,
    /// How many calls it had.
    pub calls: u32,
}

/// Keeps the longest tasks.
#[derive(Debug, Default)]
pub(crate) struct Longest(Vec<LongTask>);

impl Longest {
    /// Whether a task that took so long is one of them.
    pub(crate) fn has_room_for(&self, took: Duration) -> bool {
        self.0.len() < LONGEST || self.0.last().is_some_and(|last| took > last.took)
    }

    pub(crate) fn add(&mut self, task: LongTask) {
        if self.has_room_for(task.took) {
            let place = self.0.partition_point(|other| other.took >= task.took);
            self.0.insert(place, task);
            self.0.truncate(LONGEST);
        }
    }

    pub(crate) fn take(&mut self) -> Vec<LongTask> {
        std::mem::take(&mut self.0)
    }

    pub(crate) fn to_vec(&self) -> Vec<LongTask> {
        self.0.clone()
    }
}
