//! `cargo xtask loom`: every state machine of the locks, each interleaving, each death.
//!
//! The models are unit tests of `sync-primitives` that exist under `cfg(loom)` only. They are built
//! apart, as that changes every crate, and for release, as loom runs each model a million times.

use std::process::Command;

use crate::step::timed;
use crate::{Result, flags, paths};

pub(crate) fn run(flags: &flags::Loom) -> Result {
    timed("loom", || explore(flags)).map(drop)
}

fn explore(flags: &flags::Loom) -> Result {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--quiet", "--release", "--package", "sync-primitives", "--lib", "--"])
        .args(["--nocapture", flags.name.as_deref().unwrap_or("model::")])
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", paths::target_dir()?.join("loom"))
        .current_dir(paths::root());
    if flags.quick {
        command.env("LOOM_QUICK", "1");
    }
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err("a model found a way to fail".into()) }
}
