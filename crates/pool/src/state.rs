//! What a pool is at a moment: its workers, and the tasks that wait for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::backlog::Backlog;
use crate::feeder::{Harvest, Leftovers, Put};
use crate::hired::{Farewell, Hired};
use crate::lane::Lane;
use crate::limits::Limits;
use crate::oom::Kills;
use crate::sink::Outcomes;
use crate::stats::{Longest, WorkerStats};
use crate::task::Task;
use crate::{PoolError, TaskError, WorkerDied, meter};

/// Under the pool's one lock, which is held for microseconds and never while somebody is waited for.
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
    /// Until all workers were ready for the first time: why they will not be.
    pub(crate) stillborn: Option<PoolError>,
    pub(crate) is_built: bool,
    /// No worker is left, and none will come.
    pub(crate) has_ended: bool,
    /// Tasks were handed over that must not run for ever.
    pub(crate) has_timed: bool,
    /// Changes with every worker that comes or goes.
    pub(crate) generation: u64,
    /// What the exit functions of workers that have left gave.
    pub(crate) farewells: Vec<Result<ipc_pipe::Message, TaskError>>,
    /// Whether tasks of several priorities have been seen, and the last one.
    priorities: Option<(i32, bool)>,
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

/// Where a worker is, or is to be.
pub(crate) struct Place {
    pub(crate) worker: Option<Hired>,
    /// A process is being started for it.
    pub(crate) starting: bool,
    /// No worker is wanted here any more.
    pub(crate) closed: bool,
    /// What its former workers have done.
    pub(crate) past: WorkerStats,
}

impl Place {
    pub(crate) fn new(id: usize) -> Place {
        let past = WorkerStats { id, ..WorkerStats::default() };
        Place { worker: None, starting: false, closed: false, past }
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
            stillborn: None,
            is_built: false,
            has_ended: false,
            has_timed: false,
            generation: 0,
            farewells: Vec::new(),
            priorities: None,
        }
    }

    /// Adds tasks at the end of their lines.
    pub(crate) fn enqueue(&mut self, tasks: Vec<Task>) {
        for task in tasks {
            let priority = task.options.priority;
            match &mut self.priorities {
                None => self.priorities = Some((priority, false)),
                Some((last, several)) => *several |= *last != priority,
            }
            self.backlog.push(priority, task);
        }
        if let Some((_, true)) = self.priorities {
            self.let_overtake();
        }
    }

    /// Takes back from lanes what must let tasks of a higher priority pass.
    fn let_overtake(&mut self) {
        let Some(highest) = self.backlog.priority() else { return };
        for worker in self.places.iter_mut().filter_map(|place| place.worker.as_mut()) {
            let lower = |task: &Task| task.options.priority < highest;
            while let Some(task) = worker.feeder.take_back(lower) {
                self.backlog.push_front(task.options.priority, task);
            }
        }
    }

    /// Hands tasks to the workers that have room, those with the fewest first, and wakes them.
    pub(crate) fn dispatch(&mut self) {
        let mut touched = false;
        for worker in self.places.iter_mut().filter_map(|place| place.worker.as_mut()) {
            worker.is_stuffed = false;
        }
        while let Some(task) = self.backlog.pop() {
            let Some(index) = self.freest() else {
                self.backlog.push_front(task.options.priority, task);
                break;
            };
            touched = true;
            self.hand_over(index, task);
        }
        if self.backlog.is_empty() {
            touched |= self.rebalance();
        }
        if touched {
            self.workers().for_each(|worker| worker.feeder.lane().wake_worker());
        }
    }

    /// The worker that has the fewest tasks, of those that may have more.
    fn freest(&self) -> Option<usize> {
        let open = self.places.iter().enumerate().filter_map(|(index, place)| {
            let worker = place.worker.as_ref()?;
            let tasks = worker.feeder.tasks();
            let room = worker.is_open()
                && tasks < worker.depth()
                && !worker.is_stuffed
                && self.limits.calls_left(worker.calls) > 0;
            room.then_some((tasks, index))
        });
        open.min().map(|(_, index)| index)
    }

    fn hand_over(&mut self, index: usize, mut task: Task) {
        let Some(worker) = self.places[index].worker.as_mut() else { return };
        let left = self.limits.calls_left(worker.calls);
        if u64::from(task.calls) > left {
            // The limit is less than a count of calls.
            let (now, later) = task.split(left as u32);
            self.backlog.push_front(later.options.priority, later);
            task = now;
        }
        let (calls, timed) = (u64::from(task.calls), task.options.is_timed());
        match worker.feeder.put(task) {
            Put::Done => {
                self.has_timed |= timed;
                worker.calls += calls;
                worker.idle_since = None;
            }
            Put::Full(task) => {
                worker.is_stuffed = true;
                self.backlog.push_front(task.options.priority, task);
            }
            Put::Failed(task, error) => {
                task.fail(0, &TaskError::EncodeArguments(error.to_string()));
                self.harvest.touch(&task.job);
            }
        }
    }

    /// Gives a worker that has nothing to do half of what another one has not begun.
    fn rebalance(&mut self) -> bool {
        let idle = |place: &Place| {
            place.worker.as_ref().is_some_and(|worker| {
                worker.is_open()
                    && worker.feeder.tasks() == 0
                    && self.limits.calls_left(worker.calls) > 0
            })
        };
        let Some(idle) = self.places.iter().position(idle) else { return false };
        let waiting = |place: &Place| place.worker.as_ref().map_or(0, |it| it.feeder.waiting());
        let Some(busiest) = (0..self.places.len()).max_by_key(|it| waiting(&self.places[*it]))
        else {
            return false;
        };
        let count = waiting(&self.places[busiest]).div_ceil(2);
        let Some(from) = self.places[busiest].worker.as_mut() else { return false };
        let mut taken = Vec::new();
        while taken.len() < count
            && let Some(task) = from.feeder.take_back(|_| true)
        {
            from.calls = from.calls.saturating_sub(u64::from(task.calls));
            taken.push(task);
        }
        let moved = !taken.is_empty();
        for task in taken.into_iter().rev() {
            self.hand_over(idle, task);
        }
        moved
    }

    /// Collects what has come from the workers.
    pub(crate) fn collect(&mut self) {
        for place in &mut self.places {
            let Some(worker) = &mut place.worker else { continue };
            if worker.feeder.tasks() == 0 && worker.idle_since.is_some() {
                continue;
            }
            let calls = self.harvest.calls;
            if worker.feeder.collect(&mut self.harvest).is_err() {
                // It has written over its lane: nothing that it says from now on counts.
                let _ = worker.process.kill();
            }
            place.past.calls += self.harvest.calls - calls;
            meter::calls(self.harvest.calls - calls);
            for took in self.harvest.took.drain(..) {
                worker.learn(took);
                meter::task_took(took);
            }
            if worker.feeder.tasks() == 0 && worker.idle_since.is_none() {
                worker.idle_since = Some(Instant::now());
            }
        }
        for task in std::mem::take(&mut self.harvest.again) {
            self.backlog.push_front(task.options.priority, task);
        }
        for task in self.harvest.longest.take() {
            self.longest.add(task);
        }
    }

    /// Settles what a worker leaves that has ended.
    pub(crate) fn bury(&mut self, index: usize) -> Option<Buried> {
        let mut worker = self.places[index].worker.take()?;
        // What it wrote before its end counts.
        let _ = worker.feeder.collect(&mut self.harvest);
        let (working, waiting) = worker.feeder.lane().times();
        let past = &mut self.places[index].past;
        past.working += Duration::from_nanos(working);
        past.waiting += Duration::from_nanos(waiting);
        let status = worker.process.wait();
        let pid = worker.process.pid();
        let farewell = worker.process.try_join().and_then(Result::ok).flatten();
        let why_not_ready = worker.feeder.why_not_ready();
        let expected = worker.told && status.success();
        let out_of_memory = status.signal() == Some(Signal::KILL.as_raw()) && self.kills.went_up();
        let Hired { feeder, start_up, .. } = worker;
        let died = WorkerDied {
            worker: index,
            pid,
            status,
            out_of_memory,
            function: String::new(),
            index: 0,
        };
        self.settle(feeder.abandon(), &died);
        if !expected {
            self.deaths += 1;
            meter::worker_died();
        }
        Some(Buried { died, expected, was_ready: start_up.is_some(), farewell, why_not_ready })
    }

    /// Gives on what a dead worker had not begun, and says of the call it was in why it has no value.
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
            self.put_back(task);
        } else {
            task.fail(0, &error);
            self.harvest.touch(&task.job);
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
                while let Some(task) = worker.feeder.take_back(|_| true) {
                    tasks.push(task);
                }
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

    pub(crate) fn lanes(&self) -> Vec<Lane> {
        self.workers().map(|worker| worker.feeder.lane().clone()).collect()
    }

    /// Whether somebody else than the supervisor has left it something to do: it keeps the time, and
    /// starts and dismisses workers.
    pub(crate) fn needs_supervisor(&self) -> bool {
        self.has_timed
            || self.limits.are_set()
            || !matches!(self.phase, Phase::Open)
            || !self.backlog.is_empty() && self.places.iter().any(Place::is_vacant)
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
    pub(crate) farewell: Farewell,
    pub(crate) why_not_ready: Option<TaskError>,
}

/// Whether two jobs are one.
pub(crate) fn same(one: &Arc<dyn Outcomes>, other: &Arc<dyn Outcomes>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}
