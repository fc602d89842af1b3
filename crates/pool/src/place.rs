//! Where a worker is, or is to be.

use std::time::{Duration, Instant};

use crate::harvest::Harvest;
use crate::hired::Hired;
use crate::lane::Phase;
use crate::meter;
use crate::stats::WorkerStats;

/// A worker, and those before it.
pub(crate) struct Place {
    pub(crate) worker: Option<Hired>,
    /// A process is being started for it.
    pub(crate) starting: bool,
    /// No worker is wanted here any more.
    pub(crate) closed: bool,
    /// It has had a worker that was ready.
    pub(crate) was_staffed: bool,
    /// What its former workers have done.
    pub(crate) past: WorkerStats,
}

impl Place {
    pub(crate) fn new(id: usize) -> Place {
        let past = WorkerStats { id, ..WorkerStats::default() };
        Place { worker: None, starting: false, closed: false, was_staffed: false, past }
    }

    /// True if a worker could be started here.
    pub(crate) fn is_vacant(&self) -> bool {
        self.worker.is_none() && !self.starting && !self.closed
    }

    pub(crate) fn stats(&self) -> WorkerStats {
        let mut stats = self.past.clone();
        if let Some(worker) = &self.worker {
            let (working, waiting) = worker.feeder.lane().times();
            stats.pid = Some(worker.process.pid());
            stats.working += Duration::from_nanos(working);
            stats.waiting += Duration::from_nanos(waiting);
        }
        stats
    }

    /// Notices that the worker has become ready; true if it has just now.
    pub(crate) fn greet(&mut self) -> bool {
        let Some(worker) = &mut self.worker else { return false };
        if worker.start_up.is_some() || worker.feeder.lane().phase() != Phase::Ready {
            return false;
        }
        let now = Instant::now();
        let took = now.saturating_duration_since(worker.since);
        worker.start_up = Some(took);
        worker.since = now;
        worker.idle_since = Some(now);
        self.past.start_up = took;
        meter::worker_started(took);
        self.was_staffed = true;
        true
    }

    /// Collects what has come from the worker.
    pub(crate) fn collect(&mut self, harvest: &mut Harvest) {
        let Some(worker) = &mut self.worker else { return };
        if worker.feeder.tasks() == 0 && worker.idle_since.is_some() {
            return;
        }
        let calls = harvest.calls;
        if worker.feeder.collect(harvest).is_err() {
            // It has written over its lane: nothing that it says from now on counts.
            let _ = worker.process.kill();
        }
        let calls = harvest.calls - calls;
        meter::calls(calls);
        self.past.calls += calls;
        worker.has_worked |= calls > 0;
        for took in harvest.took.drain(..) {
            worker.learn(took);
            meter::task_took(took);
        }
        if worker.feeder.tasks() == 0 && worker.idle_since.is_none() {
            worker.idle_since = Some(Instant::now());
        }
    }
}
