//! Runs the program for one scenario and reads the line that it prints.

use std::process::{Command, Output};

pub(crate) struct Line {
    pub(crate) stops: usize,
    pub(crate) kills: usize,
    pub(crate) asleep: usize,
    pub(crate) verdict: String,
    pub(crate) succeeded: bool,
}

pub(crate) fn kill(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_kill");
    Command::new(program).args(args).output().expect("the harness has been built")
}

/// Runs the one scenario with this name, and only some instructions of a long one.
pub(crate) fn run(name: &str) -> Line {
    read(name, &kill(&["run", name, "--quick"]))
}

/// Runs the one scenario with this name, every instruction.
pub(crate) fn run_all(name: &str) -> Line {
    read(name, &kill(&["run", name]))
}

fn read(name: &str, output: &Output) -> Line {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with(name));
    let words: Vec<&str> =
        line.unwrap_or_else(|| panic!("no {name}: {text}")).split_whitespace().collect();
    let number = |index: usize| words[index].parse().expect("a number in its column");
    Line {
        stops: number(1),
        kills: number(2),
        asleep: number(3),
        verdict: words[8..].join(" "),
        succeeded: output.status.success(),
    }
}
