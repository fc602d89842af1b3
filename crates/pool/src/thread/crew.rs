//! The workers of a pool of threads, what they do, and what waits for them.
//!
//! A task is in the backlog until a worker takes it to its seat, in one step under the lock, so
//! that who looks for it finds it. No code of the user runs under the lock.

use std::any::Any;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use super::seats::{Phase, Post, Seat, State};
use super::task::Task;
use super::timer::Timer;
use super::worker::{self, Initializer};
use crate::TaskError;
use crate::callbacks::Callbacks;

pub(super) struct Crew {
    me: Weak<Crew>,
    /// The process whose threads these are.
    maker: u32,
    pub(super) hiring: Hiring,
    state: Mutex<State>,
    /// There is something to do, or there will never be.
    pub(super) work: Condvar,
    /// A seat has become empty.
    pub(super) left: Condvar,
    pub(super) callbacks: Callbacks,
    pub(super) timer: Timer,
}

/// What every worker is given.
pub(super) struct Hiring {
    pub(super) workers: usize,
    pub(super) prefix: String,
    pub(super) initializer: Option<Initializer>,
    pub(super) payload: Option<Arc<dyn Any + Send + Sync>>,
}

/// Who wants to know whether a new worker has a state.
pub(super) type Ready = Sender<Result<(), TaskError>>;

impl Crew {
    pub(super) fn new(hiring: Hiring) -> Arc<Crew> {
        Arc::new_cyclic(|me| Crew {
            me: me.clone(),
            maker: std::process::id(),
            state: Mutex::new(State::new(hiring.workers)),
            hiring,
            work: Condvar::new(),
            left: Condvar::new(),
            callbacks: Callbacks::default(),
            timer: Timer::default(),
        })
    }

    /// False in a process that was forked off, which has the locks but not the threads.
    pub(super) fn is_own(&self) -> bool {
        self.maker == std::process::id()
    }

    /// The same for a thread of its own.
    pub(super) fn share(&self) -> Arc<Crew> {
        self.me.upgrade().expect("a method runs, so somebody holds the crew")
    }

    /// Starts the worker for an empty seat.
    pub(super) fn hire(&self, id: usize, ready: Ready) -> io::Result<()> {
        let mut state = self.lock();
        let seat = self.start(&mut state, id, Some(ready))?;
        state.seats[id] = Some(seat);
        Ok(())
    }

    fn start(&self, state: &mut State, id: usize, ready: Option<Ready>) -> io::Result<Seat> {
        state.hired += 1;
        let (crew, number) = (self.share(), state.hired);
        let builder = thread::Builder::new().name(format!("{}-{id}", self.hiring.prefix));
        let thread = builder.spawn(move || worker::work(crew, Post { id, number }, ready))?;
        Ok(Seat { number, thread, task: None })
    }

    /// Gives the seat of a worker whose call was given up to another one, so that the pool can do
    /// as much as before. If no thread can be started, the worker goes on when the call has
    /// returned.
    pub(super) fn replace(&self, state: &mut State, id: usize) {
        if state.phase.has_ended() {
            // Its thread is not waited for.
            state.seats[id] = None;
            self.left.notify_all();
        } else if let Ok(seat) = self.start(state, id, None) {
            state.seats[id] = Some(seat);
        }
    }

    /// Takes on tasks, or says why not.
    pub(super) fn push(&self, tasks: Vec<Arc<dyn Task>>) {
        let mut state = self.lock();
        if let Some(error) = state.phase.refusal() {
            drop(state);
            fail_all(&tasks, &error);
            return;
        }
        let wanted = tasks.len().min(state.idle);
        tasks.into_iter().for_each(|task| state.backlog.push(task.priority(), task));
        drop(state);
        (0..wanted).for_each(|_| self.work.notify_one());
    }

    /// The next task for the worker at `post`, as soon as there is one; `None` if there will be
    /// none.
    pub(super) fn next(&self, post: Post) -> Option<Arc<dyn Task>> {
        let mut state = self.lock();
        loop {
            // A worker without a task keeps its seat.
            if let Some(task) = state.backlog.pop() {
                state.seat(post)?.task = Some(task.clone());
                return Some(task);
            }
            if state.is_done() {
                return None;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    /// The worker at `post` is done with its task, which it still holds; false if the seat is not
    /// its own any more.
    pub(super) fn finish(&self, post: Post) -> bool {
        let mut state = self.lock();
        let Some(seat) = state.seat(post) else { return false };
        // Not the last owner, so that nothing of the user's is dropped under the lock.
        drop(seat.task.take());
        true
    }

    /// The worker at `post` goes, because it has no state if `failed` says so.
    pub(super) fn leave(&self, post: Post, failed: Option<TaskError>) {
        let mut state = self.lock();
        if state.seat(post).is_none() {
            return;
        }
        let seat = state.seats[post.id].take();
        state.departed.extend(seat.map(|seat| seat.thread));
        let mut queued = Vec::new();
        let lost = failed.filter(|_| state.is_empty() && !state.phase.has_ended());
        let error = lost.map(|why| TaskError::Broken(why.to_string()));
        if let Some(TaskError::Broken(why)) = &error {
            state.phase = Phase::Broken(why.clone());
            queued = state.backlog.take(|_| true);
        }
        drop(state);
        self.left.notify_all();
        error.iter().for_each(|error| fail_all(&queued, error));
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fail_all(tasks: &[Arc<dyn Task>], error: &TaskError) {
    for task in tasks {
        task.fail_rest(error);
    }
}
