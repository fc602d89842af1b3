//! `cargo xtask san`: threads on one mapping, watched by ThreadSanitizer and AddressSanitizer.
//!
//! A race between two mappings of one memory, as between processes, is beyond them. So the program
//! is a test whose threads share a mapping, with the locks and the data that they are to protect.
//! ThreadSanitizer must see std's atomics too, so std is built along, which takes a nightly compiler
//! and its sources.

use std::process::Command;

use crate::step::timed;
use crate::{Result, nightly, paths};

const SANITIZERS: &[&str] = &["thread", "address"];

pub(crate) fn run() -> Result {
    nightly::with("rust-src")?;
    SANITIZERS
        .iter()
        .try_for_each(|name| timed(&format!("{name} sanitizer"), || watched(name)).map(drop))
}

fn watched(name: &str) -> Result {
    // A named target keeps the flag from build scripts and macros.
    let status = Command::new("cargo")
        .args(["+nightly", "test", "--quiet", "--package", "sync-primitives", "--test", "threads"])
        .args(["-Zbuild-std", "--target", &paths::host()?])
        .env("RUSTFLAGS", format!("-Zsanitizer={name}"))
        .env("CARGO_TARGET_DIR", paths::target_dir()?.join(format!("san-{name}")))
        .current_dir(paths::root())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("the {name} sanitizer complains").into()) }
}
