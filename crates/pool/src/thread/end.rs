//! How the calls of a pool of threads end before their time, and how the pool does.

use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use procspawn_core::catch_panic;

use super::crew::Crew;
use super::seats::Phase;
use super::task::Task;
use crate::TaskError;
use crate::callbacks::Callbacks;
use crate::control::{Control, Running};
use crate::sink::Outcomes;

impl Crew {
    /// Ends all calls of a task; false if there are none.
    fn stop(&self, task: &Arc<dyn Task>, error: &TaskError) -> bool {
        let ended = task.fail_all(error);
        if ended.running {
            let mut state = self.lock();
            if let Some(id) = state.seat_of(task) {
                self.replace(&mut state, id);
            }
        }
        ended.any
    }

    /// Gives up calls that have run for too long; when to look again.
    pub(super) fn expire(&self, now: Instant) -> Option<Instant> {
        let (mut settle, mut next) = (Vec::new(), None);
        let mut state = self.lock();
        // The workers hold these as well, until they have had the lock: none is dropped under it.
        for (id, task) in state.seated() {
            if let Some(expired) = task.expire(now) {
                expired
                    .rest
                    .into_iter()
                    .for_each(|rest| state.backlog.push_front(rest.priority(), rest));
                self.replace(&mut state, id);
                settle.push(expired.settle);
            } else {
                next = [next, task.deadline()].into_iter().flatten().min();
            }
        }
        state.returning += settle.len();
        drop(state);
        for settle in settle {
            // What is woken by it may panic.
            let again = catch_panic(settle).ok().flatten();
            self.come_back(again);
        }
        next
    }

    /// Makes a call that has run for too long wait once more, ahead of the others.
    fn come_back(&self, again: Option<Arc<dyn Task>>) {
        let mut state = self.lock();
        state.returning -= 1;
        let refusal = state.phase.refusal().filter(|_| state.phase.has_ended());
        match (again, refusal) {
            (Some(task), Some(error)) => {
                drop(state);
                task.fail_rest(&error);
            }
            (Some(task), None) => state.backlog.push_front(task.priority(), task),
            (None, _) => {}
        }
        self.work.notify_all();
    }

    /// Takes no tasks any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closed;
        }
        drop(state);
        self.work.notify_all();
    }

    /// Ends all that waits and all that runs.
    pub(super) fn terminate(&self) {
        let mut state = self.lock();
        state.phase = Phase::Terminated;
        let mut tasks = state.backlog.take(|_| true);
        tasks.extend(state.seated().into_iter().map(|(_, task)| task));
        drop(state);
        self.work.notify_all();
        for task in tasks {
            self.stop(&task, &TaskError::Terminated);
        }
        self.timer.stop();
    }

    /// Waits until all seats are empty and all callbacks have run, but not beyond `deadline`; false
    /// if they have not.
    pub(super) fn join(&self, deadline: Option<Instant>) -> bool {
        let Some(threads) = self.wait_for_seats(deadline) else { return false };
        self.timer.stop();
        for thread in threads.into_iter().chain(self.timer.take_thread()) {
            // What panics in it is a destructor of the user's, which has been printed.
            let _ = thread.join();
        }
        self.callbacks.join_until(deadline)
    }

    fn wait_for_seats(&self, deadline: Option<Instant>) -> Option<Vec<JoinHandle<()>>> {
        let mut state = self.lock();
        while !state.is_empty() {
            state = match deadline {
                None => self.left.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    let waited = self.left.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        Some(std::mem::take(&mut state.departed))
    }

    /// Whether the calling thread is one of the workers.
    pub(super) fn is_within(&self) -> bool {
        self.lock().has_thread(thread::current().id())
    }
}

impl Control for Crew {
    fn cancel(&self, job: &Arc<dyn Outcomes>, running: Running) -> bool {
        if !self.is_own() {
            return false;
        }
        let mut state = self.lock();
        let (queued, seated) = (state.backlog.take(|task| task.is_of(job)), state.seated_of(job));
        drop(state);
        let mut any = false;
        for task in queued {
            any |= task.fail_rest(&TaskError::Cancelled);
        }
        for task in seated {
            if running == Running::Ask {
                task.ask();
            }
            any |= match running {
                Running::Kill => self.stop(&task, &TaskError::Cancelled),
                Running::Ask | Running::Leave => task.fail_rest(&TaskError::Cancelled),
            };
        }
        any
    }

    fn is_running(&self, job: &Arc<dyn Outcomes>) -> bool {
        self.is_own() && self.lock().seated_of(job).iter().any(|task| task.is_running())
    }

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }
}
