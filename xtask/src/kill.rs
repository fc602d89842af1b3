//! `cargo xtask kill`: builds the package `kill` for release and hands the terminal to it.

use std::process::Command;

use crate::step::Step;
use crate::{Result, flags, paths};

const BUILD: Step =
    Step { name: "build", line: "cargo build --quiet --release --package kill --bins", env: &[] };

pub(crate) fn run(flags: &flags::Kill) -> Result {
    let args = arguments(flags)?;
    BUILD.run()?;
    let status = Command::new(paths::target_dir()?.join("release/kill")).args(args).status()?;
    if status.success() { Ok(()) } else { Err(format!("the survivors failed ({status})").into()) }
}

fn arguments(flags: &flags::Kill) -> Result<Vec<&str>> {
    let mut args = match (&flags.name, flags.all || flags.quick) {
        (Some(_), _) if flags.all => {
            return Err("say either a scenario's name or --all, not both".into());
        }
        _ if flags.list => return Ok(vec!["list"]),
        (Some(name), _) => vec!["run", name],
        (None, true) => vec!["run", "--all"],
        (None, false) => vec!["list"],
    };
    if flags.quick {
        args.push("--quick");
    }
    Ok(args)
}
