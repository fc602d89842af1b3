//! Calls that one worker makes one after the other.
//!
//! Whoever takes the note of the call that runs says what came of it: the worker when the call has
//! returned, the timer when it has run for too long, or whoever cancels it. So every call has one
//! outcome, and who comes second drops what he has.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use ipc_pipe::Message;
use procspawn_core::{Function, catch_panic};

use super::copier::Copier;
use super::task::{Ended, Expired, Task};
use super::worker::Desk;
use crate::sink::{Outcomes, Sink};
use crate::{Data, Options, TaskError, record};

/// A task: some calls of a job.
pub(super) struct Calls<F: Function<A>, A> {
    job: Job<F, A>,
    asked: AtomicBool,
    state: Mutex<State<A>>,
}

/// What all tasks of a job have in common.
pub(super) struct Job<F: Function<A>, A> {
    pub(super) function: F,
    pub(super) options: Options,
    pub(super) outcomes: Arc<dyn Sink<F::Output>>,
    /// Copies arguments, if there may be another attempt.
    pub(super) copier: Option<Copier<A>>,
}

struct State<A> {
    waiting: VecDeque<A>,
    /// The index of the first that waits.
    next: u64,
    /// How often that one has been tried.
    attempts: u32,
    running: Option<Running>,
}

/// The note of the call that runs.
struct Running {
    index: u64,
    attempts: u32,
    copy: Option<Message>,
    deadline: Option<Instant>,
}

impl<F: Function<A>, A> Clone for Job<F, A> {
    fn clone(&self) -> Self {
        let (function, options, copier) = (self.function, self.options, self.copier);
        Job { function, options, outcomes: self.outcomes.clone(), copier }
    }
}

impl<F: Function<A, Output: Data>, A: Send + 'static> Calls<F, A> {
    pub(super) fn new(job: Job<F, A>, first: u64, calls: VecDeque<A>) -> Arc<Calls<F, A>> {
        Calls::resumed(job, first, calls, 0)
    }

    fn resumed(job: Job<F, A>, next: u64, waiting: VecDeque<A>, attempts: u32) -> Arc<Self> {
        let state = Mutex::new(State { waiting, next, attempts, running: None });
        Arc::new(Calls { job, asked: AtomicBool::new(false), state })
    }

    /// Takes the next call, notes that it runs, and makes the copy for another attempt.
    fn begin(&self, desk: &Desk) -> Option<Result<A, TaskError>> {
        let deadline = self.job.options.timeout.and_then(|limit| Instant::now().checked_add(limit));
        let args = self.state().begin(deadline)?;
        desk.limit(self.job.options.soft_timeout, deadline);
        let Some(copier) = self.job.copier else { return Some(Ok(args)) };
        Some(copier.encode(&args).map(|copy| {
            if let Some(running) = &mut self.state().running {
                running.copy = Some(copy);
            }
            args
        }))
    }

    fn call(&self, args: A) -> Result<F::Output, TaskError> {
        catch_panic(|| self.job.function.call(args)).map_err(record::panicked)
    }

    /// Puts what came of the call that ran, unless somebody else has said what did.
    fn end(&self, result: Result<F::Output, TaskError>) {
        let result = match result {
            Err(error) => match self.again(&error) {
                Some(Ok(args)) => return self.put_back(args),
                Some(Err(other)) => Err(other),
                None => Err(error),
            },
            value => value,
        };
        // Otherwise the value is dropped here, with no lock held.
        let running = self.state().running.take();
        match (running, result) {
            (Some(Running { index, .. }), Ok(value)) => self.job.outcomes.put(index, value),
            (Some(Running { index, .. }), Err(error)) => self.job.outcomes.fail(index, error),
            (None, _) => {}
        }
    }

    /// Has the call that ran made again, unless it has been given up.
    fn put_back(&self, args: A) {
        let refused = self.state().put_back(args);
        drop(refused);
    }

    /// The arguments of the call that ran, if this failure gives it another attempt.
    fn again(&self, error: &TaskError) -> Option<Result<A, TaskError>> {
        let copier = self.job.copier?;
        let copy = {
            let mut state = self.state();
            let running = state.running.as_mut()?;
            let allowed = self.job.options.retry.allows(error, running.attempts);
            running.copy.take().filter(|_| allowed && !self.is_asked())?
        };
        Some(copier.decode(copy))
    }

    /// Tells of calls that nobody makes; false if there are none.
    fn fail(
        &self,
        running: Option<&Running>,
        first: u64,
        rest: &VecDeque<A>,
        error: &TaskError,
    ) -> bool {
        let indices = running.map(|running| running.index).into_iter();
        let indices = indices.chain((first..).take(rest.len()));
        let any = indices.map(|index| self.job.outcomes.fail(index, error.clone())).count() > 0;
        if any {
            self.job.outcomes.wake();
        }
        any
    }

    fn state(&self) -> MutexGuard<'_, State<A>> {
        // No code that can panic runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A> State<A> {
    fn begin(&mut self, deadline: Option<Instant>) -> Option<A> {
        let args = self.waiting.pop_front()?;
        let (index, attempts) = (self.next, std::mem::take(&mut self.attempts));
        self.next += 1;
        self.running = Some(Running { index, attempts, copy: None, deadline });
        Some(args)
    }

    /// Has the call that ran made again; gives back the arguments if it has been given up.
    fn put_back(&mut self, args: A) -> Option<A> {
        let Some(running) = self.running.take() else { return Some(args) };
        self.waiting.push_front(args);
        self.next = running.index;
        self.attempts = running.attempts + 1;
        None
    }

    /// The calls that wait, and the index of the first of them.
    fn take_waiting(&mut self) -> (u64, VecDeque<A>) {
        (self.next, std::mem::take(&mut self.waiting))
    }
}

impl<F: Function<A, Output: Data>, A: Send + 'static> Task for Calls<F, A> {
    fn is_of(&self, job: &Arc<dyn Outcomes>) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.job.outcomes), Arc::as_ptr(job))
    }

    fn priority(&self) -> i32 {
        self.job.options.priority
    }

    fn run(&self, desk: &Desk) {
        let (begin, mut calls) = (Instant::now(), 0);
        while let Some(args) = self.begin(desk) {
            self.end(args.and_then(|args| self.call(args)));
            calls += 1;
        }
        self.job.outcomes.took(calls, begin.elapsed());
        self.job.outcomes.wake();
    }

    fn is_running(&self) -> bool {
        self.state().running.is_some()
    }

    fn is_asked(&self) -> bool {
        // Relaxed: the flag is all there is to see.
        self.asked.load(Ordering::Relaxed)
    }

    fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    fn fail_rest(&self, error: &TaskError) -> bool {
        let (first, rest) = self.state().take_waiting();
        self.fail(None, first, &rest, error)
    }

    fn fail_all(&self, error: &TaskError) -> Ended {
        let mut state = self.state();
        let (running, (first, rest)) = (state.running.take(), state.take_waiting());
        drop(state);
        if running.is_some() {
            self.ask();
        }
        let any = self.fail(running.as_ref(), first, &rest, error);
        Ended { any, running: running.is_some() }
    }

    fn fail_running(&self, error: TaskError) {
        if let Some(running) = self.state().running.take() {
            self.job.outcomes.fail(running.index, error);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.state().running.as_ref()?.deadline
    }

    fn expire(&self, now: Instant) -> Option<Expired> {
        let mut state = self.state();
        let over = |running: &mut Running| running.deadline.is_some_and(|at| at <= now);
        let running = state.running.take_if(over)?;
        let (first, rest) = state.take_waiting();
        drop(state);
        self.ask();
        let rest = (!rest.is_empty()).then(|| Calls::new(self.job.clone(), first, rest) as _);
        let job = self.job.clone();
        Some(Expired { rest, settle: Box::new(move || job.timed_out(running)) })
    }
}

impl<F: Function<A, Output: Data>, A: Send + 'static> Job<F, A> {
    /// Gives a call that has run for too long another attempt, or tells of it.
    fn timed_out(self, running: Running) -> Option<Arc<dyn Task>> {
        let Running { index, attempts, copy, .. } = running;
        let error = TaskError::TimedOut(self.options.timeout.unwrap_or_default());
        let copy = copy.filter(|_| self.options.retry.allows(&error, attempts));
        let again = self.copier.zip(copy).map(|(copier, copy)| copier.decode(copy));
        let error = match again {
            Some(Ok(args)) => {
                return Some(Calls::resumed(self, index, [args].into(), attempts + 1));
            }
            Some(Err(other)) => other,
            None => error,
        };
        self.outcomes.fail(index, error);
        self.outcomes.wake();
        None
    }
}
