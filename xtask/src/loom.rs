//! `cargo xtask loom`: every state machine of the locks and queues, each interleaving, each death.
//!
//! The models are unit tests that exist under `cfg(loom)` only, in modules `model`. They are built
//! apart, as that changes every crate, and for release, as loom runs each model a million times.

use std::process::Command;

use crate::step::timed;
use crate::{Result, flags, paths};

/// The crates that have models.
const MODELLED: [&str; 2] = ["sync-primitives", "queues"];

pub(crate) fn run(flags: &flags::Loom) -> Result {
    timed("loom", || explore(flags)).map(drop)
}

fn explore(flags: &flags::Loom) -> Result {
    let mut command = Command::new("cargo");
    command
        .args(["test", "--quiet", "--release", "--lib"])
        .args(MODELLED.iter().flat_map(|package| ["--package", package]))
        .args(["--", "--nocapture", flags.name.as_deref().unwrap_or("model::")])
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", paths::target_dir()?.join("loom"))
        .current_dir(paths::root());
    if flags.quick {
        command.env("LOOM_QUICK", "1");
    }
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err("a model found a way to fail".into()) }
}
