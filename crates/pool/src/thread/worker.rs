//! The life of a worker's thread.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use procspawn_core::catch_panic;

use super::crew::{Crew, Ready};
use super::seats::Post;
use super::task::Task;
use crate::{context, record};

/// Makes the state of a worker.
pub(super) type Initializer = Arc<dyn Fn() -> Box<dyn Any> + Send + Sync>;

/// What a worker has before it.
pub(super) struct Desk {
    crew: Arc<Crew>,
    limits: Rc<Limits>,
}

/// What should stop the call that runs.
#[derive(Default)]
struct Limits {
    task: RefCell<Option<Arc<dyn Task>>>,
    soft: Cell<Option<Instant>>,
}

impl Desk {
    /// Notes how long the call that begins may take.
    pub(super) fn limit(&self, soft: Option<Duration>, deadline: Option<Instant>) {
        self.limits.soft.set(soft.and_then(|limit| Instant::now().checked_add(limit)));
        if let Some(deadline) = deadline {
            self.crew.timer.note(&self.crew, deadline);
        }
    }

    fn serve(&self, post: Post) {
        while let Some(task) = self.crew.next(post) {
            self.limits.task.replace(Some(task.clone()));
            run(&*task, self);
            drop(self.limits.task.take());
            let stays = self.crew.finish(post);
            // With the task may go the value that nobody has asked for.
            let _ = catch_panic(|| drop(task));
            if !stays {
                return;
            }
        }
    }
}

impl Limits {
    fn should_stop(&self) -> bool {
        self.soft.get().is_some_and(|at| Instant::now() >= at)
            || self.task.borrow().as_ref().is_some_and(|task| task.is_asked())
    }
}

/// Is the worker at `post` until the pool has no more to do, or another one has taken its place.
///
/// `ready` is told whether it has a state.
pub(super) fn work(crew: Arc<Crew>, post: Post, ready: Option<Ready>) {
    let limits = Rc::new(Limits::default());
    let asks = limits.clone();
    context::enter(post.id, Box::new(move || asks.should_stop()), crew.hiring.payload.clone());
    let state = catch_panic(|| crew.hiring.initializer.as_ref().map(|initialize| initialize()));
    let made = state.map(context::set_state).map_err(record::panicked);
    let failed = made.as_ref().err().cloned();
    if let Some(ready) = ready {
        // Nobody listens any more when another worker has failed.
        let _ = ready.send(made);
    }
    if failed.is_none() {
        Desk { crew: crew.clone(), limits }.serve(post);
    }
    // The destructor of a worker's state may panic.
    let _ = catch_panic(context::leave);
    crew.leave(post, failed);
}

/// Runs a task to its end. What panics here is not a call but a destructor, say, which must cost
/// neither the thread nor the calls after it.
fn run(task: &dyn Task, desk: &Desk) {
    while let Err(panic) = catch_panic(|| task.run(desk)) {
        task.fail_running(record::panicked(panic));
    }
}
