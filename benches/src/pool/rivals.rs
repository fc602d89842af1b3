//! Pools in Python.

use std::process::Command;

use crate::contender::{Missing, Setting};
use crate::python;

/// `multiprocessing.Pool` measures `what`, a function of `pool.py`, by `count` calls.
pub(crate) fn pool(what: &str, count: u32, setting: Setting) -> Result<Command, Missing> {
    command("multiprocessing", ["pool", what], count, setting)
}

/// The same with `concurrent.futures.ProcessPoolExecutor`.
pub(crate) fn futures(what: &str, count: u32, setting: Setting) -> Result<Command, Missing> {
    command("concurrent.futures", ["futures", what], count, setting)
}

/// The same with `loky.ProcessPoolExecutor`.
pub(crate) fn loky(what: &str, count: u32, setting: Setting) -> Result<Command, Missing> {
    command("loky", ["loky", what], count, setting)
}

fn command(
    module: &str,
    [whose, what]: [&str; 2],
    count: u32,
    setting: Setting,
) -> Result<Command, Missing> {
    let count = if setting.quick { count.div_ceil(10) } else { count };
    python::command_with(module, "pool.py", [whose, what, &count.to_string()])
}
