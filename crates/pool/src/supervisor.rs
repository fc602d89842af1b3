//! The pool's thread: it collects what workers have done, keeps the time, and replaces who is gone.
//!
//! It sleeps at the bell. Tasks are handed over by whoever gives them, so that a pool in which nothing
//! ends needs no thread at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::hire::too_many;
use crate::inner::Inner;
use crate::lane::{Lane, Phase as WorkerPhase, Sleeper};
use crate::sink::Outcomes;
use crate::state::{Buried, Phase, State};
use crate::{PoolError, TaskError, meter};

/// How long it waits until it tries again to start a worker that the system refused.
const PAUSE: Duration = Duration::from_millis(100);

/// What is to be done when the lock has been let go of.
struct Round {
    jobs: Vec<Arc<dyn Outcomes>>,
    /// Places where a worker is to be started.
    vacant: Vec<usize>,
    deadline: Option<Instant>,
    /// The workers, if they have changed.
    workers: Option<Workers>,
    is_over: bool,
}

/// What is looked at before each sleep.
struct Workers {
    generation: u64,
    lanes: Vec<Lane>,
    /// The lanes of those who have not been seen ready.
    starting: Vec<Lane>,
}

/// The life of the thread.
pub(crate) fn supervise(inner: &Inner) {
    let mut workers = Workers { generation: u64::MAX, lanes: Vec::new(), starting: Vec::new() };
    loop {
        // Acquire: pairs with the releases of those who ask for attention.
        inner.attention.swap(false, Ordering::AcqRel);
        let mut round = inner.round(workers.generation);
        if let Some(now) = round.workers {
            workers = now;
        }
        round.jobs.iter().for_each(|job| job.wake());
        if !round.jobs.is_empty() {
            // Who collects beside it waits for one of them, maybe.
            inner.bell.wake(Sleeper::Helper);
        }
        for index in round.vacant {
            if let Err(error) = inner.hire(index).and_then(|()| inner.watch(index)) {
                inner.failed_to_start(error);
                round.deadline = Some(Instant::now() + PAUSE);
            }
            workers.generation = u64::MAX;
        }
        if round.is_over {
            break;
        }
        let is_needed = || {
            inner.attention.load(Ordering::Acquire)
                || workers.generation == u64::MAX
                || workers.lanes.iter().any(Lane::has_records)
                || workers.starting.iter().any(|lane| lane.phase() == WorkerPhase::Ready)
        };
        inner.bell.sleep(Sleeper::Supervisor, round.deadline, is_needed);
    }
    inner.lock().has_ended = true;
    inner.tell();
}

impl Inner {
    /// Does what is to be done under the lock.
    fn round(&self, generation: u64) -> Round {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.collect();
        self.greet(state);
        for index in 0..state.places.len() {
            let worker = state.places[index].worker.as_ref();
            if worker.is_some_and(|worker| worker.has_ended())
                && let Some(buried) = state.bury(index)
            {
                state.generation += 1;
                self.mourn(state, buried);
            }
        }
        let time = Instant::now();
        let mut deadline = state.dismiss(time);
        state.dispatch();
        // What is handed over begins to count.
        deadline = earlier(deadline, state.keep_time(time));
        if !state.backlog.is_empty() && state.workers().any(|worker| worker.is_doomed) {
            state.dispatch();
            deadline = earlier(deadline, state.keep_time(time));
        }
        let vacant = state.fill_places();
        let is_over = !matches!(state.phase, Phase::Open)
            && state.is_idle()
            && vacant.is_empty()
            && state.places.iter().all(|place| place.worker.is_none() && !place.starting);
        let workers = (state.generation != generation).then(|| {
            let starting = state.workers().filter(|worker| worker.start_up.is_none());
            let starting = starting.map(|worker| worker.feeder.lane().clone()).collect();
            Workers { generation: state.generation, lanes: state.lanes(), starting }
        });
        let jobs = std::mem::take(&mut state.harvest.jobs);
        state.has_timed = false;
        Round { jobs, vacant, deadline, workers, is_over }
    }

    /// Notices who has become ready.
    fn greet(&self, state: &mut State) {
        for place in &mut state.places {
            let Some(worker) = &mut place.worker else { continue };
            if worker.start_up.is_none() && worker.feeder.lane().phase() == WorkerPhase::Ready {
                let took = worker.since.elapsed();
                worker.start_up = Some(took);
                worker.idle_since = Some(Instant::now());
                place.past.start_up = took;
                meter::worker_started(took);
                state.failures = 0;
                state.generation += 1;
            }
        }
        if !state.is_built
            && state
                .places
                .iter()
                .all(|place| place.worker.as_ref().is_some_and(|worker| worker.start_up.is_some()))
        {
            state.is_built = true;
            self.tell();
        }
    }

    /// Notes what a worker has left.
    fn mourn(&self, state: &mut State, buried: Buried) {
        state.farewells.extend(buried.farewell);
        if buried.expected || buried.was_ready {
            return;
        }
        let error = match buried.why_not_ready {
            Some(error) => PoolError::Initializer(error),
            None => PoolError::WorkerDied(buried.died),
        };
        self.count_failure(state, error);
    }

    fn failed_to_start(&self, error: PoolError) {
        let mut state = self.lock();
        self.count_failure(&mut state, error);
        self.wake_jobs(state);
    }

    /// A worker has never been ready. One is enough for a pool that is being made.
    fn count_failure(&self, state: &mut State, error: PoolError) {
        state.failures += 1;
        if !state.is_built {
            state.end(&TaskError::Terminated);
            state.stillborn.get_or_insert(error);
            state.workers().for_each(|worker| drop(worker.process.kill()));
            self.tell();
        } else if state.failures > state.limits.failures && !matches!(state.phase, Phase::Over(_)) {
            state.end(&too_many(state.failures, &error.to_string()));
            state.workers().for_each(|worker| drop(worker.process.kill()));
        }
    }
}

impl State {
    /// Stops calls that have run for too long; says when the next one may have.
    fn keep_time(&mut self, time: Instant) -> Option<Instant> {
        let mut next = None;
        for index in 0..self.places.len() {
            let Some(worker) = &mut self.places[index].worker else { continue };
            let Some(limit) = worker.feeder.shortest_limit() else { continue };
            if worker.is_doomed {
                continue;
            }
            // What has not begun has all of its time from now on.
            next = earlier(next, time.checked_add(limit));
            let Some(front) = worker.feeder.front() else { continue };
            let (soft, hard) = (front.options.soft_timeout, front.options.timeout);
            let Some((elapsed, position, call)) = worker.feeder.elapsed() else { continue };
            if (soft, hard) == (None, None) {
                continue;
            }
            if let Some(limit) = hard.filter(|limit| elapsed >= *limit) {
                for task in worker.kill_for(position, call, TaskError::TimedOut(limit)) {
                    self.backlog.push_front(task.options.priority, task);
                }
                continue;
            }
            match soft.filter(|limit| elapsed >= *limit) {
                Some(_) => worker.feeder.lane().ask_to_stop(position, call),
                None => next = earlier(next, after(time, soft, elapsed)),
            }
            next = earlier(next, after(time, hard, elapsed));
        }
        next
    }

    /// Lets workers go that have reached a limit, or are too many; says when to look again.
    fn dismiss(&mut self, time: Instant) -> Option<Instant> {
        let mut next = None;
        let over = matches!(self.phase, Phase::Closed) && self.is_idle();
        for place in &mut self.places {
            let Some(worker) = &mut place.worker else { continue };
            if !worker.leaving && (over || place.closed || self.limits.are_reached(worker, time)) {
                worker.leaving = true;
                while let Some(task) = worker.feeder.take_back(|_| true) {
                    self.backlog.push_front(task.options.priority, task);
                }
            }
            if worker.leaving && !worker.told && worker.feeder.tasks() == 0 {
                worker.told = true;
                worker.feeder.lane().order_to_leave();
            }
            if !worker.leaving {
                next = earlier(next, self.limits.next_look(worker, time));
            }
        }
        next
    }

    /// Marks the places where a worker is to be started.
    fn fill_places(&mut self) -> Vec<usize> {
        let wanted = match self.phase {
            // Who is let go for want of work is missed only when there is work.
            Phase::Open => self.limits.idle.is_none() || !self.backlog.is_empty(),
            Phase::Closed => !self.backlog.is_empty(),
            Phase::Over(_) => false,
        };
        let mut vacant = Vec::new();
        for (index, place) in self.places.iter_mut().enumerate() {
            if wanted && place.is_vacant() {
                place.starting = true;
                vacant.push(index);
            }
        }
        vacant
    }
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}

/// When a limit will be reached of which so much has elapsed.
fn after(time: Instant, limit: Option<Duration>, elapsed: Duration) -> Option<Instant> {
    limit.and_then(|limit| time.checked_add(limit.saturating_sub(elapsed)))
}
