//! `cargo xtask soak`: builds the package `soak` for release and hands the terminal to it.

use std::process::Command;

use crate::step::Step;
use crate::{Result, flags, paths};

const BUILD: Step =
    Step { name: "build", line: "cargo build --quiet --release --package soak --bins", env: &[] };

pub(crate) fn run(flags: &flags::Soak) -> Result {
    BUILD.run()?;
    let mut command = Command::new(paths::target_dir()?.join("release/soak"));
    command.arg(&flags.name);
    for (name, number) in [("--seconds", flags.seconds), ("--seed", flags.seed)] {
        if let Some(number) = number {
            command.args([name, &number.to_string()]);
        }
    }
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("not all is accounted for ({status})").into())
    }
}
