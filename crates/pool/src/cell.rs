//! What comes of one task, and who waits for it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use ipc_pipe::Message;

use crate::hooks::{Bell, Hooks};
use crate::record::{self, Run};
use crate::sink::{Outcomes, Sink};
use crate::{Data, Progress, TaskError};

/// The outcome of one task, which is put once and taken once.
pub(crate) struct Cell<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
    progress: Progress,
}

struct State<R> {
    outcome: Outcome<R>,
    waker: Option<Waker>,
    hooks: Hooks,
}

enum Outcome<R> {
    Pending,
    Value(R),
    Encoded(record::Header, Vec<u8>),
    Message(bool, Message),
    Failed(TaskError),
    Taken { failed: bool },
}

impl<R: Data> Cell<R> {
    pub(crate) fn new() -> Arc<Cell<R>> {
        let state = State { outcome: Outcome::Pending, waker: None, hooks: Hooks::default() };
        let progress = Progress::default();
        progress.submit(1);
        Arc::new(Cell { state: Mutex::new(state), changed: Condvar::new(), progress })
    }

    /// Waits up to `deadline` and takes the outcome; `None` if there is none by then.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Option<Result<R, TaskError>> {
        let mut state = self.wait(deadline)?;
        let failed = state.outcome.has_failed();
        let outcome = std::mem::replace(&mut state.outcome, Outcome::Taken { failed });
        // The values' own code runs without the lock.
        drop(state);
        outcome.into_result()
    }

    /// Waits up to `deadline`; false if the task has not ended by then.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.wait(deadline).is_some()
    }

    /// Whether the task has a value; `None` while it has not ended.
    pub(crate) fn succeeded(&self) -> Option<bool> {
        let state = self.state();
        (!state.outcome.is_pending()).then(|| !state.outcome.has_failed())
    }

    /// Has `waker` woken at the end; false if that has been.
    pub(crate) fn wake_at_end(&self, waker: &Waker) -> bool {
        let mut state = self.state();
        let pending = state.outcome.is_pending();
        if pending {
            state.waker = Some(waker.clone());
        }
        pending
    }

    /// Calls `hook` at the end, or now if that has been.
    pub(crate) fn at_end(&self, hook: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.outcome.is_pending() {
            state.hooks.call(hook);
            return;
        }
        drop(state);
        hook();
    }

    /// Has `bell` rung at the end, or now if that has been.
    pub(crate) fn ring_at_end(&self, bell: &Arc<Bell>, number: usize) {
        let mut state = self.state();
        if state.outcome.is_pending() {
            state.hooks.ring(bell, number);
            return;
        }
        drop(state);
        bell.ring(number);
    }

    fn wait(&self, deadline: Option<Instant>) -> Option<MutexGuard<'_, State<R>>> {
        let mut state = self.state();
        while state.outcome.is_pending() {
            state = match deadline {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Some(state)
    }

    /// The first outcome stands: a task that was cancelled while its value was on its way has none.
    fn end(&self, outcome: Outcome<R>) {
        let mut state = self.state();
        if state.outcome.is_pending() {
            self.progress.finish(1, u64::from(outcome.has_failed()));
            state.outcome = outcome;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<R>> {
        // No code that can panic runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Data> Outcomes for Cell<R> {
    fn put_run(&self, run: Run<'_>) {
        if let Some((_, header, value)) =
            run.iter().next().filter(|(_, header, _)| !header.is_skipped())
        {
            self.end(Outcome::Encoded(header, value.to_vec()));
        }
    }

    fn put_message(&self, _index: u64, failed: bool, message: Message) {
        self.end(Outcome::Message(failed, message));
    }

    fn fail(&self, _index: u64, error: TaskError) {
        self.end(Outcome::Failed(error));
    }

    fn took(&self, _calls: u64, _elapsed: Duration) {}

    fn wake(&self) {
        let mut state = self.state();
        if state.outcome.is_pending() {
            return;
        }
        let (waker, hooks) = (state.waker.take(), std::mem::take(&mut state.hooks));
        drop(state);
        self.changed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
        hooks.run();
    }

    fn is_over(&self) -> bool {
        !self.state().outcome.is_pending()
    }

    fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl<R: Data> Sink<R> for Cell<R> {
    fn put(&self, _index: u64, value: R) {
        self.end(Outcome::Value(value));
    }
}

impl<R> Outcome<R> {
    fn is_pending(&self) -> bool {
        matches!(self, Outcome::Pending)
    }

    fn has_failed(&self) -> bool {
        match self {
            Outcome::Encoded(header, _) => header.is_failure(),
            Outcome::Message(failed, _) | Outcome::Taken { failed } => *failed,
            Outcome::Failed(_) => true,
            Outcome::Pending | Outcome::Value(_) => false,
        }
    }
}

impl<R: Data> Outcome<R> {
    fn into_result(self) -> Option<Result<R, TaskError>> {
        Some(match self {
            Outcome::Pending => return None,
            Outcome::Value(value) => Ok(value),
            Outcome::Encoded(header, bytes) => record::outcome(header, &bytes),
            Outcome::Message(failed, message) => record::of_message(failed, message),
            Outcome::Failed(error) => Err(error),
            Outcome::Taken { .. } => Err(TaskError::Taken),
        })
    }
}
