//! What a pool's handles, its supervisor and its user share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use procspawn_core::Function;
use sync_primitives::Origin;

use crate::callbacks::Callbacks;
use crate::control::{Control, Running};
use crate::functions::Functions;
use crate::helper::Helper;
use crate::hire::Employer;
use crate::lane::{Bell, Sleeper};
use crate::place::Place;
use crate::sink::Outcomes;
use crate::state::{Phase, State, same};
use crate::stats::{PoolStats, WorkerStats};
use crate::task::{Task, pack};
use crate::work::Work;
use crate::{Data, PoolError, TaskError};

/// How long a drop waits for killed workers to be gone.
pub(crate) const END: Duration = Duration::from_secs(5);

pub(crate) struct Inner {
    state: Mutex<State>,
    /// A worker has become ready, or failed, or the pool has ended.
    changed: Condvar,
    functions: Mutex<Functions>,
    pub(crate) bell: Bell,
    /// There is something for the supervisor besides records.
    pub(crate) attention: Arc<AtomicBool>,
    /// Somebody has stopped collecting who had begun to: workers may have written since without
    /// ringing.
    pub(crate) glance: AtomicBool,
    pub(crate) employer: Employer,
    pub(crate) helper: Helper,
    callbacks: Callbacks,
    origin: Origin,
}

impl Inner {
    pub(crate) fn new(state: State, bell: Bell, employer: Employer, origin: Origin) -> Inner {
        Inner {
            state: Mutex::new(state),
            changed: Condvar::new(),
            functions: Mutex::default(),
            bell,
            attention: Arc::default(),
            glance: AtomicBool::new(false),
            employer,
            helper: Helper::default(),
            callbacks: Callbacks::default(),
            origin,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // What runs while it is locked is this crate's own, and keeps no promise half.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False in a process that was forked from the pool's.
    pub(crate) fn is_owner(&self) -> bool {
        self.origin.is_here()
    }

    pub(crate) fn accept<F, A>(&self, work: Work<F, A>)
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        // In a forked child the locks may be held by threads that are not there.
        if !self.is_owner() {
            return work.fail(&TaskError::NotOwner);
        }
        let functions = self.functions.lock();
        let function =
            functions.unwrap_or_else(PoisonError::into_inner).define::<F, A>(work.function);
        let (job, calls, first) = (work.outcomes.clone(), work.calls.len(), work.first);
        let tasks = pack(work, function);
        let lost = calls as u64 - tasks.iter().map(|task| u64::from(task.calls)).sum::<u64>();
        debug_assert_eq!(lost, 0, "every call from {first} on is in a task");
        let mut state = self.lock();
        let refusal = match &state.phase {
            Phase::Open => None,
            Phase::Closed => Some(TaskError::Closed),
            Phase::Over(error) => Some(error.clone()),
        };
        if let Some(error) = refusal {
            drop(state);
            tasks.iter().for_each(|task| task.fail(0, &error));
            return job.wake();
        }
        state.enqueue(tasks);
        state.dispatch();
        self.wake_jobs(state);
        job.wake();
    }

    pub(crate) fn close(&self) {
        if !self.is_owner() {
            return;
        }
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closed;
        }
        drop(state);
        self.attract();
    }

    /// Ends everything with this error.
    pub(crate) fn end(&self, error: &TaskError) {
        if !self.is_owner() {
            return;
        }
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Over(_)) {
            state.end(error);
        }
        for worker in state.workers() {
            // It fails only if the process has changed its user.
            let _ = worker.process.kill();
        }
        self.wake_jobs(state);
        self.attract();
    }

    pub(crate) fn resize(&self, workers: usize) {
        if !self.is_owner() {
            return;
        }
        let mut state = self.lock();
        while state.places.len() < workers {
            let place = Place::new(state.places.len());
            state.places.push(place);
        }
        for (index, place) in state.places.iter_mut().enumerate() {
            place.closed = index >= workers;
        }
        drop(state);
        self.attract();
    }

    pub(crate) fn stats(&self) -> PoolStats {
        if !self.is_owner() {
            return PoolStats::default();
        }
        let state = self.lock();
        let workers = state.places.iter().map(Place::stats).collect::<Vec<WorkerStats>>();
        let (waiting, deaths) = (state.backlog.len(), state.deaths);
        PoolStats { workers, waiting, deaths, longest: state.longest.to_vec() }
    }

    /// Waits until all workers are ready; gives the reason if one never will be.
    pub(crate) fn wait_until_ready(&self) -> Option<PoolError> {
        let mut state = self.lock();
        while !state.is_built && state.stillborn.is_none() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.stillborn.take()
    }

    /// Gives up a pool that has no supervisor.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.end(&TaskError::Terminated);
        state.has_ended = true;
        for worker in state.workers() {
            // It fails only if the process has changed its user.
            let _ = worker.process.kill();
            worker.process.wait();
        }
    }

    /// Waits until no worker is left; false if `deadline` passes first.
    pub(crate) fn wait_for_end(&self, deadline: Option<Instant>) -> bool {
        if !self.is_owner() {
            return true;
        }
        let mut state = self.lock();
        while !state.has_ended {
            state = match deadline {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return false;
                    }
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }

    /// Tells those who wait for the pool that it has changed.
    pub(crate) fn tell(&self) {
        self.changed.notify_all();
    }

    /// Has the supervisor look.
    pub(crate) fn attract(&self) {
        // Release: pairs with the supervisor's exchange.
        self.attention.store(true, Ordering::Release);
        self.bell.wake(Sleeper::Supervisor);
    }
}

impl Control for Inner {
    fn cancel(&self, job: &Arc<dyn Outcomes>, running: Running) -> bool {
        if !self.is_owner() {
            return false;
        }
        let mut guard = self.lock();
        let state = &mut *guard;
        // A call whose value is there is over.
        state.collect();
        let (mut tasks, mut killed) = (Vec::new(), false);
        let ours = |task: &Task| same(&task.job, job);
        for index in 0..state.places.len() {
            let Some(worker) = &mut state.places[index].worker else { continue };
            tasks.extend(std::iter::from_fn(|| worker.take_back(ours)));
            let Some((_, position, call)) = worker.feeder.running().filter(|it| ours(it.0)) else {
                continue;
            };
            match running {
                Running::Leave => {}
                Running::Ask => worker.feeder.lane().ask_to_stop(position, call),
                Running::Kill => {
                    killed |= state.kill_for(index, |feeder| {
                        let (_, position, call) = feeder.running().filter(|it| ours(it.0))?;
                        Some((position, call, TaskError::Cancelled))
                    });
                }
            }
        }
        tasks.extend(state.backlog.take(ours));
        let any = killed || !tasks.is_empty();
        state.dispatch();
        self.wake_jobs(guard);
        tasks.iter().for_each(|task| task.fail(0, &TaskError::Cancelled));
        job.wake();
        self.bell.wake(Sleeper::Helper);
        // What was collected here may have been the last, for which a closed pool waits.
        self.attract();
        any
    }

    fn is_running(&self, job: &Arc<dyn Outcomes>) -> bool {
        self.is_owner()
            && self.lock().workers().any(|worker| {
                worker.feeder.running().is_some_and(|(task, ..)| same(&task.job, job))
            })
    }

    fn is_here(&self) -> bool {
        self.is_owner()
    }

    fn help(&self, is_over: &dyn Fn() -> bool, deadline: Option<Instant>) {
        if self.is_owner() {
            self.collect_until(is_over, deadline);
        }
    }

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }
}
