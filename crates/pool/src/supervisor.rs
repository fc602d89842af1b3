//! The pool's thread: it collects what workers have done, keeps the time, and replaces who is gone.
//!
//! It sleeps at the bell. Tasks are handed over by whoever gives them, so that a pool in which
//! nothing ends needs no thread at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::hire::too_many;
use crate::hired::Hired;
use crate::inner::Inner;
use crate::lane::{Lane, Phase as WorkerPhase, Sleeper};
use crate::records::QUIET;
use crate::sink::Outcomes;
use crate::state::{Buried, Phase, State};
use crate::{PoolError, TaskError};

/// How long it waits until it tries again to start a worker that the system refused.
const PAUSE: Duration = Duration::from_millis(100);

/// How long who collects sleeps at most after records have come: when it wakes, it sees what
/// workers have written without ringing since.
pub(crate) const GLANCE: Duration = QUIET.saturating_mul(4);

/// What is to be done when the lock has been let go of.
struct Round {
    jobs: Vec<Arc<dyn Outcomes>>,
    /// Places where a worker is to be started.
    vacant: Vec<usize>,
    deadline: Option<Instant>,
    /// Records have come.
    has_collected: bool,
    /// The lanes, if they have changed.
    lanes: Option<(u64, Vec<Watched>)>,
    /// The lanes that have no room for what waits, and up to where they were passed.
    stuffed: Vec<(Lane, u64)>,
    is_over: bool,
}

/// A lane in which something may happen.
struct Watched {
    lane: Lane,
    /// The pool knows that the worker is ready.
    is_ready: bool,
}

impl Watched {
    /// Whether something has happened that the pool has not seen.
    fn has_news(&self) -> bool {
        self.lane.has_records() || !self.is_ready && self.lane.phase() == WorkerPhase::Ready
    }
}

/// The life of the thread.
pub(crate) fn supervise(inner: &Inner) {
    let (mut generation, mut lanes) = (u64::MAX, Vec::new());
    loop {
        // Acquire: pairs with the releases of those who ask for attention.
        inner.attention.swap(false, Ordering::AcqRel);
        let glance = inner.glance.swap(false, Ordering::AcqRel);
        let round = inner.round(generation);
        if let Some((number, now)) = round.lanes {
            (generation, lanes) = (number, now);
        }
        round.jobs.iter().for_each(|job| job.wake());
        if !round.jobs.is_empty() {
            // Who collects beside it waits for one of them, maybe.
            inner.bell.wake(Sleeper::Helper);
        }
        let mut vacant = round.vacant.into_iter();
        for index in vacant.by_ref() {
            generation = u64::MAX;
            if let Err(error) = inner.hire(index).and_then(|()| inner.watch(index)) {
                // The others would be refused as well.
                inner.failed_to_start(error);
                break;
            }
        }
        inner.leave_vacant(vacant);
        if round.is_over {
            break;
        }
        let is_needed = || {
            inner.attention.load(Ordering::Acquire)
                || inner.glance.load(Ordering::Acquire)
                || generation == u64::MAX
                || lanes.iter().any(Watched::has_news)
                || round.stuffed.iter().any(|(lane, passed)| lane.passed() != *passed)
        };
        let again = (glance || round.has_collected).then(|| Instant::now() + GLANCE);
        inner.bell.sleep(Sleeper::Supervisor, earlier(round.deadline, again), is_needed);
    }
    inner.lock().has_ended = true;
    inner.tell();
}

impl Inner {
    /// Does what is to be done under the lock.
    fn round(&self, generation: u64) -> Round {
        let mut guard = self.lock();
        let state = &mut *guard;
        let calls = state.harvest.calls;
        state.collect();
        let has_collected = state.harvest.calls != calls;
        self.greet(state);
        for index in 0..state.places.len() {
            let worker = state.places[index].worker.as_ref();
            if worker.is_some_and(|worker| worker.has_ended())
                && let Some(buried) = state.bury(index)
            {
                state.change_workers();
                self.mourn(state, buried);
            }
        }
        let time = Instant::now();
        // Who gets work is not idle.
        state.dispatch();
        let mut deadline = state.dismiss(time);
        if !state.backlog.is_empty() {
            state.dispatch();
        }
        // What is handed over begins to count.
        deadline = earlier(deadline, state.keep_time(time));
        if !state.backlog.is_empty() && state.workers().any(|worker| worker.is_doomed) {
            state.dispatch();
            deadline = earlier(deadline, state.keep_time(time));
        }
        let vacant = state.fill_places(time);
        deadline = earlier(deadline, state.retry_at);
        let is_over = !matches!(state.phase, Phase::Open)
            && state.is_idle()
            && vacant.is_empty()
            && state.places.iter().all(|place| place.worker.is_none() && !place.starting);
        let lanes = (state.generation != generation).then(|| {
            let watched = |worker: &Hired| {
                let lane = worker.feeder.lane().clone();
                Watched { lane, is_ready: worker.start_up.is_some() }
            };
            (state.generation, state.workers().map(watched).collect())
        });
        let stuffed = state.stuffed();
        let jobs = std::mem::take(&mut state.harvest.jobs);
        state.has_timed = false;
        Round { jobs, vacant, deadline, has_collected, lanes, stuffed, is_over }
    }

    /// Notices who has become ready.
    fn greet(&self, state: &mut State) {
        // All of them, not only the first.
        if state.places.iter_mut().filter_map(|place| place.greet().then_some(())).count() > 0 {
            state.failures = 0;
            state.change_workers();
        }
        // One that was ready may have gone since, and then it is replaced.
        if !state.is_built && state.places.iter().all(|place| place.was_staffed) {
            state.is_built = true;
            self.tell();
        }
    }

    /// Notes what a worker has left.
    fn mourn(&self, state: &mut State, buried: Buried) {
        state.farewells.extend(buried.farewell);
        if !buried.expected && buried.barren_since.is_some_and(|since| since.elapsed() < PAUSE) {
            // Whatever has killed it will kill the next one as soon.
            state.retry_at = Some(Instant::now() + PAUSE);
        }
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
        state.retry_at = Some(Instant::now() + PAUSE);
        self.count_failure(&mut state, error);
        self.wake_jobs(state);
    }

    /// No worker is started at these places for now.
    fn leave_vacant(&self, mut places: impl Iterator<Item = usize>) {
        if let Some(first) = places.next() {
            let mut state = self.lock();
            state.places[first].starting = false;
            places.for_each(|index| state.places[index].starting = false);
        }
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
            if !worker.feeder.is_timed() || worker.is_doomed {
                continue;
            }
            let Some(front) = worker.feeder.front() else { continue };
            let (soft, hard) = (front.options.soft_timeout, front.options.timeout);
            let begun = worker.feeder.elapsed();
            // What has not begun has all of its time from now on.
            let limit = worker.feeder.shortest_limit(usize::from(begun.is_some()));
            next = earlier(next, limit.and_then(|limit| time.checked_add(limit)));
            let Some((elapsed, position, call)) = begun else { continue };
            if hard.is_some_and(|limit| elapsed >= limit) {
                self.kill_for(index, |feeder| {
                    let (elapsed, position, call) = feeder.elapsed()?;
                    let limit = feeder.front()?.options.timeout.filter(|it| elapsed >= *it)?;
                    Some((position, call, TaskError::TimedOut(limit)))
                });
                // If it was in time after all, it may be in another call, whose time has just
                // begun.
                next = earlier(next, after(time, hard, Duration::ZERO));
                continue;
            }
            match soft.filter(|limit| elapsed >= *limit) {
                Some(limit) => {
                    worker.feeder.lane().ask_to_stop(position, call);
                    // The next call of the task has as much time.
                    let calls = worker.feeder.front().map_or(0, |task| task.calls);
                    next = earlier(next, time.checked_add(limit).filter(|_| calls > 1));
                }
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
                for task in worker.take_back_all() {
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
    fn fill_places(&mut self, time: Instant) -> Vec<usize> {
        if self.retry_at.is_some_and(|retry| time < retry) {
            return Vec::new();
        }
        self.retry_at = None;
        let wanted = self.wanted();
        let mut vacant = Vec::new();
        for (index, place) in self.places.iter_mut().enumerate() {
            if vacant.len() < wanted && place.is_vacant() {
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
