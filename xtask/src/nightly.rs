//! A nightly compiler, which some tools need, and what they need of it.

use std::process::Command;

use crate::Result;

/// Makes sure that nightly has `component`, or says how to get it.
pub(crate) fn with(component: &str) -> Result {
    let output = Command::new("rustup")
        .args(["component", "list", "--toolchain", "nightly", "--installed"])
        .output()
        .map_err(|e| format!("cannot ask rustup for its toolchains: {e}"))?;
    let installed = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && installed.lines().any(|line| line.starts_with(component)) {
        return Ok(());
    }
    Err(format!(
        "nightly's {component} is missing; run: rustup toolchain install nightly --profile minimal \
         --component rust-src,miri"
    )
    .into())
}
