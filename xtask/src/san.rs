//! `cargo xtask san`: threads on one mapping, watched by ThreadSanitizer and AddressSanitizer.
//!
//! A race between two mappings of one memory, as between processes, is beyond them. So the program
//! is a test whose threads share a mapping, with the locks and the data that they are to protect.
//! `RUSTC_BOOTSTRAP` lets a stable compiler take the flag.

use std::process::Command;

use crate::step::timed;
use crate::{Result, paths};

/// The flag's value, and what cannot be had along with it.
const SANITIZERS: &[(&str, &str)] = &[
    ("thread", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer"),
    ("address", "-Zsanitizer=address"),
];

pub(crate) fn run() -> Result {
    SANITIZERS.iter().try_for_each(|(name, flags)| {
        timed(&format!("{name} sanitizer"), || watched(name, flags)).map(drop)
    })
}

fn watched(name: &str, flags: &str) -> Result {
    // A named target keeps the flag from build scripts and macros.
    let status = Command::new("cargo")
        .args(["test", "--quiet", "--package", "sync-primitives", "--test", "threads"])
        .args(["--target", &paths::host()?])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags)
        .env("CARGO_TARGET_DIR", paths::target_dir()?.join(format!("san-{name}")))
        .current_dir(paths::root())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("the {name} sanitizer complains").into()) }
}
