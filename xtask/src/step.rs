//! Steps: a command line with a name, run at the repository's root, timed and printed.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::{Result, paths};

/// A command line as a person would type it, so that what CI runs can be compared with what the
/// README says. Words are split at white space; there is no quoting.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) line: &'static str,
    pub(crate) env: &'static [(&'static str, &'static str)],
}

impl Step {
    /// Runs the command line and says what it was if it fails.
    pub(crate) fn run(&self) -> Result<Duration> {
        let line = self.line;
        timed(self.name, || {
            let status =
                self.command().status().map_err(|e| format!("cannot run `{line}`: {e}"))?;
            if status.success() {
                Ok(())
            } else {
                Err(format!("`{line}` failed ({status})").into())
            }
        })
    }

    fn command(&self) -> Command {
        let mut words = self.line.split_whitespace();
        let mut command = Command::new(words.next().expect("a step's line is not empty"));
        command.args(words).envs(self.env.iter().copied()).current_dir(paths::root());
        command
    }
}

/// Runs `work` between two lines that name it and say how long it took.
pub(crate) fn timed(name: &str, work: impl FnOnce() -> Result) -> Result<Duration> {
    println!("== {name}");
    let start = Instant::now();
    work().map_err(|e| format!("{name}: {e}"))?;
    let took = start.elapsed();
    println!("== {name}: ok in {:.1} s", took.as_secs_f64());
    Ok(took)
}
