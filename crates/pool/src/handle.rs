//! A task as the one who gave it sees it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use procspawn_core::catch_panic;

use crate::cell::Cell;
use crate::control::{Control, Running, TaskState};
use crate::hooks::Bell;
use crate::sink::{Outcomes, Sink};
use crate::{Data, Progress, TaskError, record};

/// A task that has been given to an executor, and its value once it has one.
///
/// Every handle resolves, whatever happens to the worker and to the pool: to the value, or to the
/// reason why there is none. It is a `Future`, too. Dropping it loses the value; the task goes on.
///
/// # Examples
///
/// ```
/// use pool::{Executor, ThreadPool};
///
/// let pool = ThreadPool::new()?;
/// let six = pool.submit(|x: u32, y: u32| x * y, (2, 3));
/// assert_eq!(six.get()?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the task goes on without its handle, but its value is lost"]
pub struct Handle<R> {
    cell: Arc<Cell<R>>,
    control: Arc<dyn Control>,
}

impl<R: Data> Handle<R> {
    pub(crate) fn new(cell: Arc<Cell<R>>, control: Arc<dyn Control>) -> Handle<R> {
        Handle { cell, control }
    }

    /// Waits for the value.
    ///
    /// # Errors
    ///
    /// When the task has none: [`TaskError`] says why.
    pub fn get(self) -> Result<R, TaskError> {
        self.take(None).unwrap_or(Err(TaskError::Taken))
    }

    /// Waits for the value, but not longer than `timeout`; `None` if it takes longer, and then it
    /// can be asked for again.
    pub fn get_timeout(&mut self, timeout: Duration) -> Option<Result<R, TaskError>> {
        // A timeout beyond the end of the clock is no timeout.
        let deadline = Instant::now().checked_add(timeout);
        self.take(deadline)
    }

    /// Waits for the value, but not beyond `deadline`; `None` if it takes longer.
    pub fn get_deadline(&mut self, deadline: Instant) -> Option<Result<R, TaskError>> {
        self.take(Some(deadline))
    }

    /// The value, if the task has ended.
    pub fn try_get(&mut self) -> Option<Result<R, TaskError>> {
        self.cell.take(Some(Instant::now()))
    }

    /// Waits until the task has ended.
    pub fn wait(&self) {
        if self.help(None) {
            self.cell.wait_until(None);
        }
    }

    /// Waits until the task has ended, but not longer than `timeout`; false if it takes longer.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        self.help(deadline) && self.cell.wait_until(deadline)
    }

    /// True once the task has ended.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.cell.succeeded().is_some()
    }

    /// Whether the task has a value; `None` while it has not ended.
    #[must_use]
    pub fn successful(&self) -> Option<bool> {
        self.cell.succeeded()
    }

    /// Where the task is at this moment.
    #[must_use]
    pub fn state(&self) -> TaskState {
        let running = self.control.is_running(&self.job());
        match (self.ready(), running) {
            (true, _) => TaskState::Done,
            (false, true) => TaskState::Running,
            (false, false) => TaskState::Queued,
        }
    }

    /// Cancels the task. One that has not begun never will. The worker that runs it is killed and
    /// replaced, which costs no other task. False if the task had ended before.
    ///
    /// A thread cannot be killed: see [`Running::Kill`].
    pub fn cancel(&self) -> bool {
        self.cancel_with(Running::Kill)
    }

    /// Cancels the task if it has not begun, and does with one that has what `running` says. False
    /// if that leaves the task to its end.
    pub fn cancel_with(&self, running: Running) -> bool {
        self.control.cancel(&self.job(), running)
    }

    /// Has `callback` called with what comes of this task, in the executor's thread for callbacks.
    /// The handle that is returned has what the callback returns, and cancels this task.
    ///
    /// A callback may take long and may use the pool; it holds up other callbacks only. If it
    /// panics, its handle says so.
    pub fn then<T: Data>(
        self,
        callback: impl FnOnce(Result<R, TaskError>) -> T + Send + 'static,
    ) -> Handle<T> {
        let cell = Cell::new();
        let after = Handle::new(cell.clone(), Chained::to(self.job(), self.control.clone()));
        let (before, callbacks) = (self.cell.clone(), self.control.callbacks().clone());
        self.cell.at_end(move || {
            callbacks.push(move || {
                let result = before.take(None).unwrap_or(Err(TaskError::Taken));
                match catch_panic(|| callback(result)) {
                    Ok(value) => cell.put(0, value),
                    Err(panic) => cell.fail(0, record::panicked(panic)),
                }
                cell.wake();
            });
        });
        after
    }

    /// Has `callback` called with the value, or `error_callback` with the reason why there is none.
    pub fn on_end(
        self,
        callback: impl FnOnce(R) + Send + 'static,
        error_callback: impl FnOnce(TaskError) + Send + 'static,
    ) -> Handle<()> {
        self.then(move |result| match result {
            Ok(value) => callback(value),
            Err(error) => error_callback(error),
        })
    }

    /// Counts the task; the same as of a job of one call.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.cell.progress().clone()
    }

    pub(crate) fn ring_at_end(&self, bell: &Arc<Bell>, number: usize) {
        self.cell.ring_at_end(bell, number);
    }

    fn job(&self) -> Arc<dyn Outcomes> {
        self.cell.clone()
    }

    /// The outcome, if there is one by `deadline`.
    fn take(&self, deadline: Option<Instant>) -> Option<Result<R, TaskError>> {
        if !self.help(deadline) {
            return Some(Err(TaskError::NotOwner));
        }
        self.cell.take(deadline)
    }

    /// Spends the time of waiting on what is waited for. False if that will not happen in this
    /// process, which was forked from the executor's.
    fn help(&self, deadline: Option<Instant>) -> bool {
        if !self.ready() && !self.control.is_here() {
            return false;
        }
        self.control.help(&|| self.ready(), deadline);
        true
    }
}

impl<R: Data> Future for Handle<R> {
    type Output = Result<R, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.cell.wake_at_end(context.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(self.cell.take(None).unwrap_or(Err(TaskError::Taken)))
    }
}

impl<R> fmt::Debug for Handle<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// What a callback's handle controls: the task before it. Who waits for the callback does not help,
/// as its end is nothing that the executor knows of.
pub(crate) struct Chained(Arc<dyn Outcomes>, Arc<dyn Control>);

impl Chained {
    pub(crate) fn to(job: Arc<dyn Outcomes>, control: Arc<dyn Control>) -> Arc<dyn Control> {
        Arc::new(Chained(job, control))
    }
}

impl Control for Chained {
    fn cancel(&self, _job: &Arc<dyn Outcomes>, running: Running) -> bool {
        self.1.cancel(&self.0, running)
    }

    fn is_running(&self, _job: &Arc<dyn Outcomes>) -> bool {
        self.1.is_running(&self.0)
    }

    fn is_here(&self) -> bool {
        self.1.is_here()
    }

    fn callbacks(&self) -> &crate::callbacks::Callbacks {
        self.1.callbacks()
    }
}
