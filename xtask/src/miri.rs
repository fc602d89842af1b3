//! `cargo xtask miri`: what makes no system call, interpreted, so that undefined behaviour shows.
//!
//! Miri knows no shared mappings, no forks and no robust lists. What it can run is the logic that
//! works on plain memory: layouts, lists of values, headers, links.

use crate::step::Step;
use crate::{Result, nightly};

const STEPS: &[Step] = &[
    Step {
        name: "miri ipc-shm",
        line: "cargo +nightly miri test --quiet --package ipc-shm --lib",
        env: FLAGS,
    },
    Step {
        name: "miri sync-primitives",
        line: "cargo +nightly miri test --quiet --package sync-primitives --lib",
        env: FLAGS,
    },
];

/// Links of a list that the kernel reads are numbers, which Miri follows without complaint so.
const FLAGS: &[(&str, &str)] =
    &[("MIRIFLAGS", "-Zmiri-permissive-provenance -Zmiri-disable-isolation")];

pub(crate) fn run() -> Result {
    nightly::with("miri")?;
    STEPS.iter().try_for_each(|step| step.run().map(drop))
}
