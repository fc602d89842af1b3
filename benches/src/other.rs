//! The other process of a contender that measures two: a daemon, which ends with the contender.

use multiproc::{Function, JoinHandle, Process};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contender::Missing;

/// Runs `function` in another process until this one ends.
pub(crate) fn start<F, A>(function: F, arguments: A) -> Result<(), Missing>
where
    F: Function<A, Output = ()>,
    A: Serialize + DeserializeOwned + 'static,
{
    start_to_join(function, arguments).map(JoinHandle::detach)
}

/// The same of a function that comes to an end, and has something to put in order there.
pub(crate) fn start_to_join<F, A>(function: F, arguments: A) -> Result<JoinHandle<()>, Missing>
where
    F: Function<A, Output = ()>,
    A: Serialize + DeserializeOwned + 'static,
{
    let process = Process::new(function, arguments).daemon(true).start();
    process.map_err(|e| format!("cannot start the other process: {e}"))
}
