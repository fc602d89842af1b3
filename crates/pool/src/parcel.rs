//! What goes by the socket between the pool and a worker, because it has descriptors, is long, or
//! is needed once.

use ipc_pipe::Message;
use procspawn_core::{Function, RemoteFn};
use serde::{Deserialize, Serialize};

use crate::TaskError;
use crate::callee::MakeCallee;

/// From the pool.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Inbound<M> {
    /// What the number of a function stands for, sent before the first task that names it.
    Function { number: u32, make: MakeCallee, function: M },
    /// The arguments of the one call of the task at a position.
    Arguments { position: u64, arguments: M },
}

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Outbound {
    /// What the next record stands for.
    Value(Message),
    /// Why the worker is not ready.
    NotReady(TaskError),
}

/// A call that a worker makes once, of which only the result's type is known there.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Errand<T: 'static> {
    run: RemoteFn<(Message,), Result<T, TaskError>>,
    message: Message,
}

impl<T: 'static> Errand<T> {
    /// The call that `run` makes of `message`.
    pub(crate) fn new<F>(run: F, message: Message) -> Errand<T>
    where
        F: Function<(Message,), Output = Result<T, TaskError>>,
    {
        Errand { run: RemoteFn::new(run), message }
    }

    pub(crate) fn run(self) -> Result<T, TaskError> {
        self.run.call((self.message,))
    }
}
