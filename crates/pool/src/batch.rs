//! What comes of the many calls of one job.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use ipc_pipe::Message;

use crate::hooks::{Bell, Hooks};
use crate::record::{self, Run};
use crate::sink::{Outcomes, Sink};
use crate::{Data, Progress, TaskError};

/// Takes in outcomes as they come, and hands them out many at a time.
pub(crate) struct Batch<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    progress: Progress,
}

struct State<R> {
    arrivals: Arrivals<R>,
    /// How many calls have an outcome.
    settled: u64,
    /// The one who waits wants this many.
    goal: u64,
    /// How many calls there are, once that is known.
    total: Option<u64>,
    cost: Cost,
    waker: Option<Waker>,
    hooks: Hooks,
}

/// How long calls took, and how many bytes their values had.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    calls: u64,
    nanos: u64,
    values: u64,
    bytes: u64,
}

/// Outcomes that nobody has looked at.
pub(crate) struct Arrivals<R> {
    parts: Vec<Part<R>>,
    records: Vec<u8>,
}

enum Part<R> {
    Run { first: u64, count: usize, start: usize, end: usize },
    Message(u64, bool, Message),
    Value(u64, R),
    Failed(u64, TaskError),
}

impl<R: Data> Batch<R> {
    pub(crate) fn new() -> Arc<Batch<R>> {
        let state = State {
            arrivals: Arrivals::default(),
            settled: 0,
            goal: u64::MAX,
            total: None,
            cost: Cost::default(),
            waker: None,
            hooks: Hooks::default(),
        };
        let (state, changed) = (Mutex::new(state), Condvar::new());
        Arc::new(Batch { state, changed, progress: Progress::default() })
    }

    /// Waits until `goal` calls have an outcome, but not beyond `deadline`, and takes what has come
    /// since the last time in exchange for `emptied`.
    pub(crate) fn collect(
        &self,
        goal: u64,
        deadline: Option<Instant>,
        emptied: &mut Arrivals<R>,
    ) -> Collected {
        let mut state = self.wait(goal, deadline);
        emptied.clear();
        std::mem::swap(&mut state.arrivals, emptied);
        Collected { settled: state.settled, cost: state.cost }
    }

    /// Waits until all calls have an outcome, but not beyond `deadline`; false if they have not.
    pub(crate) fn wait_for_all(&self, deadline: Option<Instant>) -> bool {
        let goal = self.state().total.unwrap_or(u64::MAX);
        self.wait(goal, deadline).settled >= goal
    }

    /// How many calls have an outcome.
    pub(crate) fn settled(&self) -> u64 {
        self.state().settled
    }

    /// Says how many calls there are.
    pub(crate) fn set_total(&self, total: u64) {
        self.state().total = Some(total);
        self.wake();
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.state().is_complete()
    }

    pub(crate) fn wake_at_end(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let pending = !state.is_complete();
        if pending {
            state.waker = Some(waker.clone());
        }
        pending
    }

    /// Calls `hook` when all calls have an outcome, or now if they have.
    pub(crate) fn at_end(&self, hook: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if !state.is_complete() {
            state.hooks.call(hook);
            return;
        }
        drop(state);
        hook();
    }

    /// Has `bell` rung at the end, or now if that has been.
    pub(crate) fn ring_at_end(&self, bell: &Arc<Bell>, number: usize) {
        let mut state = self.state();
        if !state.is_complete() {
            state.hooks.ring(bell, number);
            return;
        }
        drop(state);
        bell.ring(number);
    }

    fn wait(&self, goal: u64, deadline: Option<Instant>) -> MutexGuard<'_, State<R>> {
        let mut state = self.state();
        while state.settled < goal {
            // Several may wait; who is woken too early comes by here again.
            state.goal = state.goal.min(goal);
            state = match deadline {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        // No code that can panic runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the one who collects learns besides the outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Collected {
    pub(crate) settled: u64,
    pub(crate) cost: Cost,
}

impl Cost {
    /// How long a call takes, on average.
    pub(crate) fn per_call(self) -> Option<Duration> {
        (self.calls > 0).then(|| Duration::from_nanos(self.nanos / self.calls))
    }

    /// How many bytes a value has, on average.
    pub(crate) fn bytes_per_value(self) -> u64 {
        self.bytes.checked_div(self.values).unwrap_or(0)
    }
}

impl<R> State<R> {
    fn is_complete(&self) -> bool {
        self.total.is_some_and(|total| self.settled >= total)
    }
}

impl<R: Data> Outcomes for Batch<R> {
    fn put_run(&self, run: Run<'_>) {
        let (first, count) = (run.first(), run.count());
        let (mut settled, mut failed) = (0, 0);
        for (_, header, _) in run.iter() {
            settled += u64::from(!header.is_skipped());
            failed += u64::from(header.is_failure());
        }
        let mut state = self.state();
        let arrivals = &mut state.arrivals;
        let start = arrivals.records.len();
        arrivals.records.extend_from_slice(run.bytes());
        let end = arrivals.records.len();
        arrivals.parts.push(Part::Run { first, count, start, end });
        state.cost.values += settled;
        state.cost.bytes += run.bytes().len() as u64;
        state.settled += settled;
        self.progress.finish(settled, failed);
    }

    fn put_message(&self, index: u64, failed: bool, message: Message) {
        let mut state = self.state();
        state.cost.values += 1;
        state.cost.bytes += message.bytes().len() as u64;
        self.settle(&mut state, Part::Message(index, failed, message), failed);
    }

    fn fail(&self, index: u64, error: TaskError) {
        self.settle(&mut self.state(), Part::Failed(index, error), true);
    }

    fn took(&self, calls: u64, elapsed: Duration) {
        let mut state = self.state();
        state.cost.calls += calls;
        state.cost.nanos += u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
    }

    fn wake(&self) {
        let mut state = self.state();
        if state.settled >= state.goal {
            state.goal = u64::MAX;
            self.changed.notify_all();
        }
        if !state.is_complete() {
            return;
        }
        let (waker, hooks) = (state.waker.take(), std::mem::take(&mut state.hooks));
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        hooks.run();
    }

    fn is_over(&self) -> bool {
        false
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl<R: Data> Sink<R> for Batch<R> {
    fn put(&self, index: u64, value: R) {
        self.settle(&mut self.state(), Part::Value(index, value), false);
    }
}

impl<R> Batch<R> {
    fn settle(&self, state: &mut State<R>, part: Part<R>, failed: bool) {
        state.arrivals.parts.push(part);
        state.settled += 1;
        self.progress.finish(1, u64::from(failed));
    }
}

impl<R> Arrivals<R> {
    fn clear(&mut self) {
        self.parts.clear();
        self.records.clear();
    }
}

impl<R: Data> Arrivals<R> {
    /// Decodes what has come, and gives it out with the index of each call.
    pub(crate) fn drain(&mut self, mut give: impl FnMut(u64, Result<R, TaskError>)) {
        let Arrivals { parts, records } = self;
        for part in parts.drain(..) {
            match part {
                Part::Run { first, count, start, end } => {
                    for (index, header, value) in
                        Run::new(first, count, &records[start..end]).iter()
                    {
                        if !header.is_skipped() {
                            give(index, record::outcome(header, value));
                        }
                    }
                }
                Part::Message(index, failed, message) => {
                    give(index, record::of_message(failed, message));
                }
                Part::Value(index, value) => give(index, Ok(value)),
                Part::Failed(index, error) => give(index, Err(error)),
            }
        }
        records.clear();
    }
}

impl<R> Default for Arrivals<R> {
    fn default() -> Self {
        Arrivals { parts: Vec::new(), records: Vec::new() }
    }
}
