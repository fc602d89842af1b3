//! What a pool is at a moment: its workers, and the tasks that wait for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::backlog::Backlog;
use crate::feeder::{Feeder, Leftovers};
use crate::harvest::Harvest;
use crate::hired::{Farewell, Hired};
use crate::lane::Lane;
use crate::limits::Limits;
use crate::oom::Kills;
use crate::place::Place;
use crate::sink::Outcomes;
use crate::stats::Longest;
use crate::task::Task;
use crate::{PoolError, TaskError, WorkerDied, meter};

/// Under the pool's one lock, which is held for microseconds and never while somebody is waited
/// for.
pub(crate) struct State {
    pub(crate) phase: Phase,
    pub(crate) backlog: Backlog<Task>,
    pub(crate) places: Vec<Place>,
    pub(crate) limits: Limits,
    pub(crate) harvest: Harvest,
    pub(crate) kills: Kills,
    pub(crate) deaths: u64,
    pub(crate) longest: Longest,
    /// Workers that have failed to start, one after the other.
    pub(crate) failures: usize,
    /// When workers are started again, after the system has refused one.
    pub(crate) retry_at: Option<Instant>,
    /// Until all workers were ready for the first time: why they will not be.
    pub(crate) stillborn: Option<PoolError>,
    pub(crate) is_built: bool,
    /// No worker is left, and none will come.
    pub(crate) has_ended: bool,
    /// Tasks were handed over that must not run for ever.
    pub(crate) has_timed: bool,
    /// Changes with every worker that comes or goes.
    pub(crate) generation: u64,
    /// The lanes of all workers, once somebody has asked for them.
    pub(crate) lanes: Option<Arc<[Lane]>>,
    /// What the exit functions of workers that have left gave.
    pub(crate) farewells: Vec<Result<ipc_pipe::Message, TaskError>>,
    /// Whether tasks of several priorities have been seen, and the last one.
    pub(crate) priorities: Option<(i32, bool)>,
}

/// Whether the pool takes tasks.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    Open,
    /// It takes no more, and ends when those that it has have ended.
    Closed,
    /// It has ended, or is ending at once: what its tasks are told.
    Over(TaskError),
}

impl State {
    pub(crate) fn new(workers: usize, limits: Limits) -> State {
        State {
            phase: Phase::Open,
            backlog: Backlog::default(),
            places: (0..workers).map(Place::new).collect(),
            limits,
            harvest: Harvest::default(),
            kills: Kills::new(),
            deaths: 0,
            longest: Longest::default(),
            failures: 0,
            retry_at: None,
            stillborn: None,
            is_built: false,
            has_ended: false,
            has_timed: false,
            generation: 0,
            lanes: None,
            farewells: Vec::new(),
            priorities: None,
        }
    }

    /// Collects what has come from the workers.
    pub(crate) fn collect(&mut self) {
        for place in &mut self.places {
            place.collect(&mut self.harvest);
        }
        self.requeue();
    }

    /// Gives calls another attempt that have failed.
    fn requeue(&mut self) {
        for task in std::mem::take(&mut self.harvest.again) {
            self.try_again(task);
        }
        for task in self.harvest.longest.take() {
            self.longest.add(task);
        }
    }

    /// Kills a worker for the call that it is in, if `verdict` finds it guilty when nothing else
    /// can begin there; true if so. What it has not begun goes to others.
    pub(crate) fn kill_for(
        &mut self,
        index: usize,
        verdict: impl FnOnce(&Feeder) -> Option<(u64, u32, TaskError)>,
    ) -> bool {
        let place = &mut self.places[index];
        let Some(worker) = &mut place.worker else { return false };
        let tasks = worker.take_back_all();
        // The call may have ended since its guilt was seen, and the worker be in another, which is
        // the last that it can have begun.
        place.collect(&mut self.harvest);
        let found = place.worker.as_mut().and_then(|worker| {
            let (position, call, error) = verdict(&worker.feeder)?;
            worker.kill_for(position, call, error);
            Some(())
        });
        tasks.into_iter().for_each(|task| self.put_back(task));
        self.requeue();
        found.is_some()
    }

    /// Settles what a worker leaves that has ended.
    pub(crate) fn bury(&mut self, index: usize) -> Option<Buried> {
        let place = &mut self.places[index];
        // What it wrote before its end counts.
        place.collect(&mut self.harvest);
        place.greet();
        let mut worker = place.worker.take()?;
        let (working, waiting) = worker.feeder.lane().times();
        let past = &mut place.past;
        past.working += Duration::from_nanos(working);
        past.waiting += Duration::from_nanos(waiting);
        let status = worker.process.wait();
        let pid = worker.process.pid();
        let farewell = worker.process.try_join().and_then(Result::ok).flatten();
        let why_not_ready = worker.feeder.why_not_ready();
        let expected = worker.told && status.success();
        let out_of_memory = status.signal() == Some(Signal::KILL.as_raw()) && self.kills.went_up();
        let barren_since = (!worker.has_worked).then_some(worker.since);
        let Hired { feeder, start_up, .. } = worker;
        let died = WorkerDied {
            worker: index,
            pid,
            status,
            out_of_memory,
            function: String::new(),
            index: 0,
        };
        self.requeue();
        self.settle(feeder.abandon(), &died);
        if !expected {
            self.deaths += 1;
            meter::worker_died();
        }
        let was_ready = start_up.is_some();
        Some(Buried { died, expected, was_ready, barren_since, farewell, why_not_ready })
    }

    /// Gives on what a dead worker had not begun, and says of the call it was in why it has no
    /// value.
    fn settle(&mut self, leftovers: Leftovers, died: &WorkerDied) {
        let Leftovers { running, untouched } = leftovers;
        for task in untouched.into_iter().rev() {
            self.put_back(task);
        }
        let Some((mut task, doom)) = running else { return };
        let error = match (doom, &self.phase) {
            (Some(error), _) => error,
            (None, Phase::Over(error)) => error.clone(),
            (None, _) => TaskError::WorkerDied(WorkerDied {
                function: task.function.name().into(),
                index: task.first,
                ..died.clone()
            }),
        };
        if task.options.retry.allows(&error, task.attempts) {
            task.attempts += 1;
            self.try_again(task);
        } else {
            task.fail(0, &error);
            self.harvest.touch(&task.job);
        }
    }

    /// Puts a task that has failed behind the others of its priority, so that one that fails for ever
    /// keeps none of them waiting, or ends it if the pool is over.
    fn try_again(&mut self, task: Task) {
        if matches!(self.phase, Phase::Over(_)) {
            self.put_back(task);
        } else {
            self.backlog.push(task.options.priority, task);
        }
    }

    /// Puts a task back in front, or ends it if the pool is over.
    pub(crate) fn put_back(&mut self, task: Task) {
        if let Phase::Over(error) = &self.phase {
            task.fail(0, error);
            self.harvest.touch(&task.job);
        } else {
            self.backlog.push_front(task.options.priority, task);
        }
    }

    /// Ends all tasks that have not begun with this error, and takes no more.
    pub(crate) fn end(&mut self, error: &TaskError) {
        self.phase = Phase::Over(error.clone());
        let mut tasks = self.backlog.take(|_| true);
        for place in &mut self.places {
            place.closed = true;
            if let Some(worker) = &mut place.worker {
                tasks.extend(worker.take_back_all());
            }
        }
        for task in tasks {
            task.fail(0, error);
            self.harvest.touch(&task.job);
        }
    }

    pub(crate) fn workers(&self) -> impl Iterator<Item = &Hired> {
        self.places.iter().filter_map(|place| place.worker.as_ref())
    }

    /// True when no task waits or runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.workers().all(|worker| worker.feeder.tasks() == 0)
    }
}

/// What a worker that has ended was.
pub(crate) struct Buried {
    pub(crate) died: WorkerDied,
    /// It was told to go, and went.
    pub(crate) expected: bool,
    pub(crate) was_ready: bool,
    /// When it was ready, if it has made no call since.
    pub(crate) barren_since: Option<Instant>,
    pub(crate) farewell: Farewell,
    pub(crate) why_not_ready: Option<TaskError>,
}

/// Whether two jobs are one.
pub(crate) fn same(one: &Arc<dyn Outcomes>, other: &Arc<dyn Outcomes>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}
