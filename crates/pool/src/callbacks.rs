//! A thread for the callbacks of an executor, so that one that blocks holds up callbacks only.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Instant;

type Callback = Box<dyn FnOnce() + Send>;

/// Runs callbacks one after the other, in the order in which their tasks ended, in a thread that
/// the first of them starts.
#[derive(Clone, Default)]
pub struct Callbacks(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Callback>,
    /// The thread, while there is one.
    thread: Option<ThreadId>,
}

impl Callbacks {
    /// Runs `callback` after those that wait.
    pub(crate) fn push(&self, callback: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock();
        state.waiting.push_back(Box::new(callback));
        if state.thread.is_some() {
            return;
        }
        let inner = self.0.clone();
        match thread::Builder::new().name("callbacks".into()).spawn(move || inner.serve()) {
            Ok(thread) => state.thread = Some(thread.thread().id()),
            // Without a thread they run here, where their task has ended.
            Err(_) => {
                let waiting = std::mem::take(&mut state.waiting);
                drop(state);
                waiting.into_iter().for_each(run);
            }
        }
    }

    /// Waits until all have run; not in a callback, which would wait for itself.
    pub(crate) fn join(&self) {
        self.join_until(None);
    }

    /// The same, but not beyond `deadline`; false if some have not run by then.
    pub(crate) fn join_until(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.0.lock();
        while state.thread.is_some_and(|thread| thread != thread::current().id()) {
            state = match deadline {
                None => self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                        return false;
                    };
                    let waited = self.0.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        true
    }
}

impl Inner {
    /// The life of the thread, which ends when nothing is left to do.
    fn serve(&self) {
        loop {
            let mut state = self.lock();
            let Some(callback) = state.waiting.pop_front() else {
                state.thread = None;
                self.changed.notify_all();
                return;
            };
            drop(state);
            run(callback);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.0.lock().waiting.len();
        formatter.debug_struct("Callbacks").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// A panic has been caught where the callback was made, and told to its handle; this one is of a
/// value's destructor, say, and must not end the others.
fn run(callback: Callback) {
    let _ = catch_unwind(AssertUnwindSafe(callback));
}
