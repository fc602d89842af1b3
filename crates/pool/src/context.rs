//! What a task can ask while it runs: who runs it, whether it should stop, and its worker's state.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// Says whether the task that runs should stop.
pub(crate) type Stop = Box<dyn Fn() -> bool>;

/// What a worker tells its tasks.
struct Worker {
    id: usize,
    stop: Stop,
    payload: Option<Arc<dyn Any + Send + Sync>>,
}

thread_local! {
    static WORKER: RefCell<Option<Worker>> = const { RefCell::new(None) };
    static STATE: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
    /// So that what is asked in a loop costs little.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Which worker of its pool runs the current task, from 0 on; `None` outside of tasks.
///
/// # Examples
///
/// ```
/// use pool::{Executor, SerialPool, worker_id};
///
/// assert_eq!(SerialPool::new().apply(|| worker_id(), ())?, Some(0));
/// assert_eq!(worker_id(), None);
/// # Ok::<(), pool::TaskError>(())
/// ```
#[must_use]
pub fn worker_id() -> Option<usize> {
    WORKER.with_borrow(|worker| worker.as_ref().map(|worker| worker.id))
}

/// True when the current task should end early: its soft timeout has passed, or somebody has asked
/// for it ([`Running::Ask`](crate::Running::Ask)). Always false outside of tasks.
///
/// A task that can take long asks now and then; it costs a few nanoseconds.
#[must_use]
pub fn should_stop() -> bool {
    INSIDE.get() && WORKER.with_borrow(|worker| worker.as_ref().is_some_and(|it| (it.stop)()))
}

/// The payload that every worker of this pool was sent once, if it has this type.
///
/// See [`PoolBuilder::payload`](crate::PoolBuilder::payload).
#[must_use]
pub fn payload<T: Send + Sync + 'static>() -> Option<Arc<T>> {
    let payload = WORKER.with_borrow(|worker| worker.as_ref()?.payload.clone())?;
    payload.downcast().ok()
}

/// Calls `visit` with the state that the initializer made in this worker; `None` outside of tasks,
/// if there is no initializer, or if its state has another type.
///
/// # Panics
///
/// When it is called within itself.
pub fn with_state<S: 'static, T>(visit: impl FnOnce(&mut S) -> T) -> Option<T> {
    STATE.with_borrow_mut(|state| state.as_mut()?.downcast_mut().map(visit))
}

/// Makes the calling thread a worker.
pub(crate) fn enter(id: usize, stop: Stop, payload: Option<Arc<dyn Any + Send + Sync>>) {
    WORKER.set(Some(Worker { id, stop, payload }));
    INSIDE.set(true);
}

/// Gives the worker its state.
pub(crate) fn set_state(state: Option<Box<dyn Any>>) {
    STATE.set(state);
}

/// The calling thread is no worker any more.
pub(crate) fn leave() {
    INSIDE.set(false);
    drop(WORKER.take());
    drop(STATE.take());
}

/// Runs `body` as a task, in a thread that goes back to what it was, a worker of another pool
/// maybe.
pub(crate) fn visit<R>(id: usize, stop: Stop, body: impl FnOnce() -> R) -> R {
    let before = WORKER.replace(Some(Worker { id, stop, payload: None }));
    let inside = INSIDE.replace(true);
    // The tasks of this crate catch their panics.
    let result = body();
    INSIDE.set(inside);
    WORKER.set(before);
    result
}
