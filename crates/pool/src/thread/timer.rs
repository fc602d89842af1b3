//! A thread that gives up calls which run for too long.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::crew::Crew;

/// Sleeps until the first deadline of a call that runs. The thread begins with the first call that
/// has one, and ends when none is left.
#[derive(Default)]
pub(super) struct Timer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// When to look at the calls.
    next: Option<Instant>,
    thread: Option<JoinHandle<()>>,
    is_over: bool,
}

impl Timer {
    /// Notes that a call will have run for too long at `deadline`.
    ///
    /// Where no thread can be started, calls have no limit.
    pub(super) fn note(&self, crew: &Arc<Crew>, deadline: Instant) {
        let mut state = self.lock();
        if state.is_over || state.next.is_some_and(|next| next <= deadline) {
            return;
        }
        state.next = Some(deadline);
        if state.thread.is_some() {
            self.changed.notify_one();
            return;
        }
        let crew = crew.clone();
        let name = format!("{}-timer", crew.hiring.prefix);
        let thread = thread::Builder::new().name(name).spawn(move || crew.timer.serve(&crew));
        state.thread = thread.ok();
    }

    /// Has the thread end; nothing is noted any more.
    pub(super) fn stop(&self) {
        self.lock().is_over = true;
        self.changed.notify_one();
    }

    /// The thread, to be waited for; not by itself.
    pub(super) fn take_thread(&self) -> Option<JoinHandle<()>> {
        self.lock().thread.take_if(|thread| thread.thread().id() != thread::current().id())
    }

    /// The life of the thread.
    fn serve(&self, crew: &Arc<Crew>) {
        while self.sleep() {
            let next = crew.expire(Instant::now());
            let mut state = self.lock();
            state.next = [state.next, next].into_iter().flatten().min();
            if state.next.is_none() {
                state.thread = None;
                return;
            }
        }
    }

    /// Waits until it is time to look; false if that will never be.
    fn sleep(&self) -> bool {
        let mut state = self.lock();
        while !state.is_over {
            let left = state.next.and_then(|next| next.checked_duration_since(Instant::now()));
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                state.next = None;
                return true;
            };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
