//! A worker as the pool knows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ipc_pipe::{Message, reactor::Watch};
use procspawn_core::JoinHandle;

use crate::TaskError;
use crate::feeder::Feeder;
use crate::task::Task;

/// What a worker process returns.
pub(crate) type Farewell = Option<Result<Message, TaskError>>;

/// How much work may wait in the lane of a worker.
const AHEAD: Duration = Duration::from_millis(1);
/// How many tasks it has at least: the one that it is in, and the next.
const FEWEST: usize = 2;
const MOST: usize = 240;

/// A worker process, its lane, and what is to become of it.
pub(crate) struct Hired {
    pub(crate) feeder: Feeder,
    pub(crate) process: JoinHandle<Farewell>,
    /// Set by whoever watches the process, when it has ended.
    pub(crate) ended: Arc<AtomicBool>,
    pub(crate) watch: Option<Watch>,
    /// When it was started, and from then on, when it was ready.
    pub(crate) since: Instant,
    /// How long it took to be ready; `None` before.
    pub(crate) start_up: Option<Duration>,
    /// It is to go when it has done what it has.
    pub(crate) leaving: bool,
    /// It has been told so.
    pub(crate) told: bool,
    /// Its lane has no room at the moment.
    pub(crate) is_stuffed: bool,
    /// There is something in its lane that it may sleep over.
    pub(crate) has_news: bool,
    /// Since when it has had nothing to do.
    pub(crate) idle_since: Option<Instant>,
    /// How many calls it was handed, without those that were taken back.
    pub(crate) calls: u64,
    /// A call has ended in it.
    pub(crate) has_worked: bool,
    /// How long a task takes, as a moving mean.
    cost: Option<Duration>,
    /// It has been killed for the call that it is in.
    pub(crate) is_doomed: bool,
    pub(crate) last_look: Instant,
}

impl Hired {
    pub(crate) fn new(
        feeder: Feeder,
        process: JoinHandle<Farewell>,
        ended: Arc<AtomicBool>,
        since: Instant,
    ) -> Hired {
        Hired {
            feeder,
            process,
            ended,
            watch: None,
            since,
            start_up: None,
            leaving: false,
            told: false,
            is_stuffed: false,
            has_news: false,
            idle_since: None,
            calls: 0,
            has_worked: false,
            cost: None,
            is_doomed: false,
            last_look: since,
        }
    }

    /// True if it can be handed tasks.
    pub(crate) fn is_open(&self) -> bool {
        self.start_up.is_some() && !self.leaving && !self.is_doomed && !self.has_ended()
    }

    pub(crate) fn has_ended(&self) -> bool {
        // Acquire: pairs with the release of the watch; what the worker did is in shared memory.
        self.ended.load(Ordering::Acquire)
    }

    /// How many tasks it may have.
    pub(crate) fn depth(&self) -> usize {
        let Some(cost) = self.cost else { return FEWEST };
        let tasks = AHEAD.as_nanos() / cost.as_nanos().max(1);
        usize::try_from(tasks).unwrap_or(MOST).clamp(FEWEST, MOST)
    }

    /// Notes how long a task took.
    pub(crate) fn learn(&mut self, took: Duration) {
        self.cost = Some(match self.cost {
            None => took,
            Some(cost) => cost - cost / 8 + took / 8,
        });
    }

    /// How many tasks it could do without: it is in the first, or comes to it next.
    pub(crate) fn surplus(&self) -> usize {
        self.feeder.tasks().saturating_sub(1)
    }

    /// Takes back the task that was handed over last, of those that the worker has not begun and
    /// `choose` agrees to.
    pub(crate) fn take_back(&mut self, choose: impl Fn(&Task) -> bool) -> Option<Task> {
        let task = self.feeder.take_back(choose)?;
        self.calls = self.calls.saturating_sub(u64::from(task.calls));
        Some(task)
    }

    /// Takes back all that it has not begun, the last first.
    pub(crate) fn take_back_all(&mut self) -> Vec<Task> {
        std::iter::from_fn(|| self.take_back(|_| true)).collect()
    }

    /// Has the process killed for the call that it is in, which ends with `error`. Records must
    /// have been collected, so that the call is not over, and all else taken back, as that must not
    /// be begun by a process that is to die.
    pub(crate) fn kill_for(&mut self, position: u64, call: u32, error: TaskError) {
        self.is_doomed = true;
        self.feeder.doom(position, call, error);
        // It fails only if the process has changed its user, and then its tasks are its own.
        let _ = self.process.kill();
    }
}
