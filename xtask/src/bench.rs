//! `cargo xtask bench`: builds the package `benches` for release and hands the terminal to it.

use std::process::Command;

use crate::step::Step;
use crate::{Result, flags, paths};

const BUILD: Step = Step {
    name: "build",
    line: "cargo build --quiet --release --package benches --features iceoryx2 --bins",
    env: &[],
};

pub(crate) fn run(flags: &flags::Bench) -> Result {
    let args = arguments(flags)?;
    BUILD.run()?;
    let status = Command::new(paths::target_dir()?.join("release/benches")).args(args).status()?;
    if status.success() { Ok(()) } else { Err(format!("the benchmark failed ({status})").into()) }
}

fn arguments(flags: &flags::Bench) -> Result<Vec<&str>> {
    let mut args = match (&flags.name, flags.all) {
        (Some(_), true) => return Err("say either a workload's name or --all, not both".into()),
        (Some(name), false) => vec!["run", name],
        (None, true) => vec!["run", "--all"],
        (None, false) => vec!["list"],
    };
    if flags.quick {
        args.push("--quick");
    }
    Ok(args)
}
