//! Where things are: the repository, and what cargo has built, and for what.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().expect("xtask lies in a folder of the repository's root")
}

/// The folder of the debug build, found from this very program, which cargo has put there: so that
/// `CARGO_TARGET_DIR` and `build.target-dir` are followed without asking.
pub(crate) fn debug_dir() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let dir = this.parent().ok_or("xtask was not started from a folder; run `cargo xtask`")?;
    Ok(dir.to_owned())
}

/// The folder that holds the debug build, the release build and all else that cargo makes.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let debug = debug_dir()?;
    let target = debug.parent().ok_or("xtask lies outside a target folder; run `cargo xtask`")?;
    Ok(target.to_owned())
}

/// The triple that the compiler builds for if nobody says otherwise.
pub(crate) fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("`rustc -vV` does not name its host")?.to_owned())
}
