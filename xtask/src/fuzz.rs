//! `cargo xtask fuzz`: fuzz targets with libFuzzer on a stable compiler, without cargo-fuzz.
//!
//! A fuzz package is a workspace of its own (`crates/*/fuzz`) with one program per target in
//! `fuzz_targets/`, linked with `libfuzzer-sys`. What cargo-fuzz adds is a set of compiler flags,
//! and these are below. They hold for the named target triple only, so that build scripts
//! and macros are built without them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::timed;
use crate::{Result, flags, paths};

const RUSTFLAGS: &str = "--cfg fuzzing \
    -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Clink-dead-code -Cdebug-assertions -Ccodegen-units=1";

/// Enough to find what has become broken; a longer hunt says `--seconds`.
const SECONDS: u64 = 20;

/// Runs the targets that `flags` choose.
pub(crate) fn run(flags: &flags::Fuzz) -> Result {
    let seconds = flags.seconds.unwrap_or(SECONDS);
    let packages = match &flags.dir {
        Some(dir) => vec![dir.clone()],
        None => packages()?,
    };
    let mut found = false;
    for package in &packages {
        let targets = targets(package, flags.target.as_deref())?;
        if targets.is_empty() {
            continue;
        }
        found = true;
        let built = build(package)?;
        for target in targets {
            timed(&format!("fuzz {target}"), || fuzz(package, &built, &target, seconds))?;
        }
    }
    if found { Ok(()) } else { Err(none_found(flags)) }
}

fn none_found(flags: &flags::Fuzz) -> Box<dyn std::error::Error> {
    let what = flags.target.as_deref().unwrap_or("*");
    format!("no fuzz target crates/*/fuzz/fuzz_targets/{what}.rs; add one, or name one that exists")
        .into()
}

/// Every folder `crates/*/fuzz`.
fn packages() -> Result<Vec<PathBuf>> {
    let mut packages = Vec::new();
    for entry in fs::read_dir(paths::root().join("crates"))? {
        let package = entry?.path().join("fuzz");
        if package.join("Cargo.toml").is_file() {
            packages.push(package);
        }
    }
    packages.sort();
    Ok(packages)
}

fn targets(package: &Path, wanted: Option<&str>) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(package.join("fuzz_targets")) else { return Ok(Vec::new()) };
    let mut targets = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".rs") else { continue };
        if wanted.is_none_or(|wanted| wanted == name) {
            targets.push(name.to_owned());
        }
    }
    targets.sort();
    Ok(targets)
}

/// Builds every target of `package` and gives the folder that holds the programs.
fn build(package: &Path) -> Result<PathBuf> {
    let (host, into) = (paths::host()?, paths::target_dir()?.join("fuzz"));
    let status = Command::new("cargo")
        .args(["build", "--quiet", "--release", "--bins", "--target", &host, "--target-dir"])
        .arg(&into)
        .arg("--manifest-path")
        .arg(package.join("Cargo.toml"))
        .env("RUSTFLAGS", RUSTFLAGS)
        .status()?;
    if !status.success() {
        return Err(format!("cannot build the fuzz targets of {}", package.display()).into());
    }
    Ok(into.join(host).join("release"))
}

fn fuzz(package: &Path, built: &Path, target: &str, seconds: u64) -> Result {
    let (corpus, artifacts) =
        (copy_of_corpus(package, target)?, package.join("artifacts").join(target));
    fs::create_dir_all(&artifacts)?;
    let status = Command::new(built.join(target))
        .arg(&corpus)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-rss_limit_mb=2048", "-timeout=10", "-print_final_stats=1", "-verbosity=0"])
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .status()?;
    fs::remove_dir_all(&corpus)?;
    if status.success() {
        return Ok(());
    }
    let (program, artifacts) = (built.join(target), artifacts.display());
    Err(format!(
        "{status}; the input lies in {artifacts}, and `{} INPUT` runs it again",
        program.display()
    )
    .into())
}

/// The fuzzer writes what it finds into its corpus; the one under version control is to stay small.
fn copy_of_corpus(package: &Path, target: &str) -> Result<PathBuf> {
    let copy = std::env::temp_dir().join(format!("fuzz-{target}-{}", std::process::id()));
    fs::create_dir_all(&copy)?;
    let corpus = package.join("corpus").join(target);
    if corpus.is_dir() {
        for entry in fs::read_dir(corpus)? {
            let entry = entry?;
            fs::copy(entry.path(), copy.join(entry.file_name()))?;
        }
    }
    Ok(copy)
}
