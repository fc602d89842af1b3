//! Contenders in Python: scripts in `benches/python` that speak the protocol of `peer.rs`.

use std::path::Path;
use std::process::Command;

use crate::contender::Missing;

/// Runs `script` with what it is told of its rounds, mostly how many repetitions each makes.
pub(crate) fn command<const N: usize>(
    script: &str,
    arguments: [&str; N],
) -> Result<Command, Missing> {
    command_with("multiprocessing", script, arguments)
}

/// The same of a script that stands on another `module`, which may not be there.
pub(crate) fn command_with<const N: usize>(
    module: &str,
    script: &str,
    arguments: [&str; N],
) -> Result<Command, Missing> {
    let there = Command::new("python3").args(["-c", &format!("import {module}")]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        return Err(format!("no python3 with {module}"));
    }
    let mut command = Command::new("python3");
    command.arg(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/python")).join(script));
    command.args(arguments);
    Ok(command)
}
