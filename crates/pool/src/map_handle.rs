//! A job of many calls as the one who gave it sees it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use procspawn_core::catch_panic;

use crate::batch::{Arrivals, Batch};
use crate::cell::Cell;
use crate::control::{Control, Running};
use crate::handle::{Chained, Handle};
use crate::hooks::Bell;
use crate::sink::{Outcomes, Sink};
use crate::{Data, Progress, TaskError, record};

/// A job that has been given to an executor as a whole, and its values once it has them: what
/// [`map_async`](crate::Executor::map_async) gives.
///
/// It resolves when every call has ended, whatever happens to the workers and to the pool. It is a
/// `Future`, too. Dropping it loses the values; the calls go on.
#[must_use = "the calls go on without their handle, but their values are lost"]
pub struct MapHandle<R> {
    batch: Arc<Batch<R>>,
    total: u64,
    taken: bool,
    control: Arc<dyn Control>,
}

impl<R: Data> MapHandle<R> {
    pub(crate) fn new(batch: Arc<Batch<R>>, total: u64, control: Arc<dyn Control>) -> Self {
        batch.set_total(total);
        MapHandle { batch, total, taken: false, control }
    }

    /// Waits for the values, in the order of the calls.
    ///
    /// # Errors
    ///
    /// The error of the first call, by its place, that has no value; after all have ended.
    pub fn get(mut self) -> Result<Vec<R>, TaskError> {
        self.take(None).unwrap_or(Err(TaskError::Taken))
    }

    /// Waits for the values, but not longer than `timeout`; `None` if it takes longer, and then it
    /// can be asked for again.
    pub fn get_timeout(&mut self, timeout: Duration) -> Option<Result<Vec<R>, TaskError>> {
        // A timeout beyond the end of the clock is no timeout.
        self.take(Instant::now().checked_add(timeout))
    }

    /// The values, if all calls have ended.
    pub fn try_get(&mut self) -> Option<Result<Vec<R>, TaskError>> {
        self.take(Some(Instant::now()))
    }

    /// Waits for what became of each call.
    pub fn get_each(mut self) -> Vec<Result<R, TaskError>> {
        self.batch.wait_for_all(None);
        self.each()
    }

    /// Waits until all calls have ended.
    pub fn wait(&self) {
        self.batch.wait_for_all(None);
    }

    /// Waits until all calls have ended, but not longer than `timeout`; false if it takes longer.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.batch.wait_for_all(Instant::now().checked_add(timeout))
    }

    /// True once all calls have ended.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.batch.is_complete()
    }

    /// Whether all calls have a value; `None` while some have not ended.
    #[must_use]
    pub fn successful(&self) -> Option<bool> {
        self.ready().then(|| self.batch.progress().failed() == 0)
    }

    /// Cancels the calls that have not ended. False if all had.
    pub fn cancel(&self) -> bool {
        self.control.cancel(&self.job(), Running::Kill)
    }

    /// Counts the calls.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.batch.progress().clone()
    }

    /// Has `callback` called with the values, as [`Handle::then`] does.
    pub fn then<T: Data>(
        mut self,
        callback: impl FnOnce(Result<Vec<R>, TaskError>) -> T + Send + 'static,
    ) -> Handle<T> {
        let cell = Cell::new();
        let after = Handle::new(cell.clone(), Chained::to(self.job(), self.control.clone()));
        let (batch, callbacks) = (self.batch.clone(), self.control.callbacks().clone());
        batch.at_end(move || {
            callbacks.push(move || {
                let result = self.take(None).unwrap_or(Err(TaskError::Taken));
                match catch_panic(|| callback(result)) {
                    Ok(value) => cell.put(0, value),
                    Err(panic) => cell.fail(0, record::panicked(panic)),
                }
                cell.wake();
            });
        });
        after
    }

    pub(crate) fn ring_at_end(&self, bell: &Arc<Bell>, number: usize) {
        self.batch.ring_at_end(bell, number);
    }

    fn take(&mut self, deadline: Option<Instant>) -> Option<Result<Vec<R>, TaskError>> {
        if self.taken {
            return Some(Err(TaskError::Taken));
        }
        if !self.ready() && !self.control.is_here() {
            return Some(Err(TaskError::NotOwner));
        }
        if !self.batch.wait_for_all(deadline) {
            return None;
        }
        Some(self.each().into_iter().collect())
    }

    fn each(&mut self) -> Vec<Result<R, TaskError>> {
        self.taken = true;
        let mut arrivals = Arrivals::default();
        self.batch.collect(self.total, None, &mut arrivals);
        in_order(self.total, &mut arrivals)
    }

    fn job(&self) -> Arc<dyn Outcomes> {
        self.batch.clone()
    }
}

/// Brings outcomes into the order of their calls.
fn in_order<R: Data>(total: u64, arrivals: &mut Arrivals<R>) -> Vec<Result<R, TaskError>> {
    let mut places: Vec<Option<Result<R, TaskError>>> = Vec::new();
    places.resize_with(usize::try_from(total).unwrap_or(usize::MAX), || None);
    arrivals.drain(|index, result| places[index as usize] = Some(result));
    places.into_iter().map(|place| place.unwrap_or(Err(TaskError::Taken))).collect()
}

impl<R: Data> Future for MapHandle<R> {
    type Output = Result<Vec<R>, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.batch.wake_at_end(context.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(self.take(None).unwrap_or(Err(TaskError::Taken)))
    }
}

impl<R> fmt::Debug for MapHandle<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MapHandle").field("calls", &self.total).finish_non_exhaustive()
    }
}
