//! `cargo xtask tidy`: what a machine can check; each finding says how to mend it.
//!
//! A check is a function from text to findings, so that its tests need no files.

mod edges;
mod headers;
mod readme;
mod safety;
mod sizes;
mod source;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tidy::source::Source;
use crate::{Result, ci, paths};

/// Something to mend, where it is, and how.
#[derive(Debug)]
struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// What every Rust file of the repository must be.
const EVERYWHERE: &[fn(&Source) -> Vec<Finding>] =
    &[headers::head_doc, headers::ignored_examples, sizes::file_name, sizes::length];

/// What the libraries' files must be besides.
const IN_LIBRARIES: &[fn(&Source) -> Vec<Finding>] =
    &[safety::sites, safety::contracts, headers::unsafe_code_denied, sizes::contents_page];

pub(crate) fn run() -> Result {
    let root = paths::root();
    let mut findings = edges::check(&manifests(root)?)?;
    let readme = fs::read_to_string(root.join("README.md"))?;
    findings.extend(readme::check(&readme, &ci::lines().collect::<Vec<_>>()));
    let sources = sources(root)?;
    for source in &sources {
        findings.extend(EVERYWHERE.iter().flat_map(|check| check(source)));
        if source.is_library() {
            findings.extend(IN_LIBRARIES.iter().flat_map(|check| check(source)));
        }
    }
    report(&findings, sources.len())
}

fn report(findings: &[Finding], files: usize) -> Result {
    findings.iter().for_each(|finding| println!("{finding}"));
    match findings.len() {
        0 => {
            println!("tidy: {files} files, nothing to mend");
            Ok(())
        }
        n => Err(format!("{n} to mend").into()),
    }
}

/// Each crate's manifest, as a path below the root and its text.
fn manifests(root: &Path) -> Result<Vec<(String, String)>> {
    let mut manifests = Vec::new();
    for folder in crates(root)? {
        let path = folder.join("Cargo.toml");
        manifests.push((below(root, &path), fs::read_to_string(&path)?));
    }
    Ok(manifests)
}

fn crates(root: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(root.join("crates"))? {
        let folder = entry?.path();
        if folder.join("Cargo.toml").is_file() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

fn sources(root: &Path) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for folder in
        crates(root)?.into_iter().chain(["xtask", "benches", "examples"].map(|d| root.join(d)))
    {
        rust_files(&folder, &mut files)?;
    }
    files.sort();
    let read = |path: &PathBuf| Ok(Source::new(&below(root, path), &fs::read_to_string(path)?));
    files.iter().map(read).collect()
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let built = path.ends_with("target");
        if path.is_dir() && !built {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
