//! The other process of a contender that measures two: a daemon, which ends with the contender.

use multiproc::{Function, Process};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contender::Missing;

/// Runs `function` in another process until this one ends.
pub(crate) fn start<F, A>(function: F, arguments: A) -> Result<(), Missing>
where
    F: Function<A, Output = ()>,
    A: Serialize + DeserializeOwned + 'static,
{
    let process = Process::new(function, arguments).daemon(true).start();
    process.map_err(|e| format!("cannot start the other process: {e}"))?.detach();
    Ok(())
}
