//! A pool of nobody: every task runs where it is given, at once.

use std::sync::Arc;
use std::time::Instant;

use ipc_pipe::Message;
use procspawn_core::{Function, catch_panic};

use crate::callbacks::Callbacks;
use crate::control::{Control, Running};
use crate::executor::Executor;
use crate::sink::Outcomes;
use crate::work::Work;
use crate::{Data, TaskError, context, record};

/// Runs every task in the thread that gives it, before the call returns: to debug a program, or to
/// run it where one processor is all there is.
///
/// Arguments and values are encoded and decoded as in a [`Pool`](crate::Pool), so that what cannot
/// cross fails here, too. Priorities and timeouts have no effect but one: a task may ask whether
/// its soft timeout has passed. A task that exits or crashes takes this process along.
///
/// # Examples
///
/// ```
/// use pool::{Executor, SerialPool};
///
/// let pool = SerialPool::new();
/// assert_eq!(pool.map(|x: u32| x * x, 1..4)?, [1, 4, 9]);
/// # Ok::<(), pool::TaskError>(())
/// ```
#[derive(Debug, Default)]
pub struct SerialPool {
    control: Arc<Serial>,
}

#[derive(Debug, Default)]
struct Serial {
    callbacks: Callbacks,
}

impl SerialPool {
    /// A pool of nobody.
    #[must_use]
    pub fn new() -> SerialPool {
        SerialPool::default()
    }

    /// Waits until all callbacks have run.
    pub fn join(&self) {
        self.control.callbacks.join();
    }
}

impl Executor for SerialPool {
    fn workers(&self) -> usize {
        1
    }

    fn accept<F, A>(&self, work: Work<F, A>)
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        let (function, outcomes, options) = (work.function, work.outcomes, work.options);
        for (index, args) in (work.first..).zip(work.calls) {
            let begin = Instant::now();
            let result = retried(options.retry, || {
                let args = &args;
                within(options.soft_timeout.and_then(|limit| begin.checked_add(limit)), || {
                    call(function, args)
                })
            });
            match result {
                Ok(value) => outcomes.put_message(index, false, value),
                Err(error) => outcomes.fail(index, error),
            }
            outcomes.took(1, begin.elapsed());
            outcomes.wake();
        }
    }

    fn control(&self) -> Arc<dyn Control> {
        self.control.clone()
    }
}

impl Control for Serial {
    /// Every task has ended by the time that anybody can ask.
    fn cancel(&self, _job: &Arc<dyn Outcomes>, _running: Running) -> bool {
        false
    }

    fn is_running(&self, _job: &Arc<dyn Outcomes>) -> bool {
        false
    }

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }
}

/// Calls the function with a copy of the arguments, as another process would have it.
fn call<F, A>(function: F, args: &A) -> Result<Message, TaskError>
where
    F: Function<A, Output: Data>,
    A: Data,
{
    let encoded = catch_panic(|| Message::encode(args)).map_err(record::panicked)?;
    let encoded = encoded.map_err(|error| TaskError::EncodeArguments(error.to_string()))?;
    let value = catch_panic(|| {
        let args = encoded.decode().map_err(|error| TaskError::Arguments(error.to_string()))?;
        Message::encode(&function.call(args))
            .map_err(|error| TaskError::EncodeValue(error.to_string()))
    });
    value.map_err(record::panicked)?
}

/// Runs a task as a worker would, until `deadline` without being asked to stop. One may run within
/// another.
fn within<R>(deadline: Option<Instant>, body: impl FnOnce() -> R) -> R {
    let stop = move || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    context::visit(0, Box::new(stop), body)
}

fn retried<R>(
    retry: crate::Retry,
    mut attempt: impl FnMut() -> Result<R, TaskError>,
) -> Result<R, TaskError> {
    let mut attempts = 0;
    loop {
        match attempt() {
            Err(error) if retry.allows(&error, attempts) => attempts += 1,
            result => return result,
        }
    }
}
