//! What a pool of threads does at this moment: who sits where, and what waits.

use std::sync::Arc;
use std::thread::{JoinHandle, ThreadId};

use super::task::Task;
use crate::TaskError;
use crate::backlog::Backlog;
use crate::sink::Outcomes;

pub(super) struct State {
    pub(super) backlog: Backlog<Arc<dyn Task>>,
    pub(super) phase: Phase,
    pub(super) seats: Vec<Option<Seat>>,
    /// How many workers wait for work.
    pub(super) idle: usize,
    /// How many have been hired, ever.
    pub(super) hired: u64,
    /// How many calls are on their way back to the backlog, maybe.
    pub(super) returning: usize,
    /// Threads that are about to end.
    pub(super) departed: Vec<JoinHandle<()>>,
}

/// Where a worker sits.
pub(super) struct Seat {
    pub(super) number: u64,
    pub(super) thread: JoinHandle<()>,
    pub(super) task: Option<Arc<dyn Task>>,
}

/// Which seat a worker has, and which worker it is: another one may have the seat later.
#[derive(Clone, Copy)]
pub(super) struct Post {
    pub(super) id: usize,
    pub(super) number: u64,
}

pub(super) enum Phase {
    Open,
    Closed,
    Terminated,
    Broken(String),
}

impl State {
    pub(super) fn new(workers: usize) -> State {
        State {
            backlog: Backlog::default(),
            phase: Phase::Open,
            seats: (0..workers).map(|_| None).collect(),
            idle: 0,
            hired: 0,
            returning: 0,
            departed: Vec::new(),
        }
    }

    /// The seat of the worker at `post`, unless it has been given to another one.
    pub(super) fn seat(&mut self, post: Post) -> Option<&mut Seat> {
        self.seats[post.id].as_mut().filter(|seat| seat.number == post.number)
    }

    /// The seat at which a task runs.
    pub(super) fn seat_of(&self, task: &Arc<dyn Task>) -> Option<usize> {
        let holds = |seat: &Seat| seat.task.as_ref().is_some_and(|it| Arc::ptr_eq(it, task));
        self.seats.iter().position(|seat| seat.as_ref().is_some_and(holds))
    }

    /// The tasks at the seats, with the seat of each.
    pub(super) fn seated(&self) -> Vec<(usize, Arc<dyn Task>)> {
        let tasks = self.seats.iter().map(|seat| seat.as_ref()?.task.clone());
        tasks.enumerate().filter_map(|(id, task)| Some((id, task?))).collect()
    }

    /// The tasks of a job at the seats.
    pub(super) fn seated_of(&self, job: &Arc<dyn Outcomes>) -> Vec<Arc<dyn Task>> {
        let tasks = self.seats.iter().flatten().filter_map(|seat| seat.task.as_ref());
        tasks.filter(|task| task.is_of(job)).cloned().collect()
    }

    /// Whether all workers have gone.
    pub(super) fn is_empty(&self) -> bool {
        self.seats.iter().all(Option::is_none)
    }

    pub(super) fn has_thread(&self, thread: ThreadId) -> bool {
        self.seats.iter().flatten().any(|seat| seat.thread.thread().id() == thread)
    }

    /// Whether a worker that finds nothing to do should go.
    pub(super) fn is_done(&self) -> bool {
        self.phase.has_ended() || (matches!(self.phase, Phase::Closed) && self.returning == 0)
    }
}

impl Phase {
    /// Why no work is taken on.
    pub(super) fn refusal(&self) -> Option<TaskError> {
        match self {
            Phase::Open => None,
            Phase::Closed => Some(TaskError::Closed),
            Phase::Terminated => Some(TaskError::Terminated),
            Phase::Broken(why) => Some(TaskError::Broken(why.clone())),
        }
    }

    /// Whether work that has been taken on is not done any more.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Phase::Terminated | Phase::Broken(_))
    }
}
