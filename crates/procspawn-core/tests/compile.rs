//! What the compiler accepts as a function for another process, and what it says to the rest.
//!
//! Each file in `tests/compile` is compiled by itself against the library that this test is linked
//! with. `trybuild` would build all dependencies a second time, and compares every word that the
//! compiler says, which changes with its version; here the words that matter are in the file, after
//! `expect:`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder in which cargo has put this test and what it is linked with.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_path_buf()
}

/// The builds of the library, the newest first. There may be some of other features or compilers.
fn libraries() -> Vec<PathBuf> {
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libprocspawn_core-") && name.ends_with(".rlib")
    };
    let files = std::fs::read_dir(built()).unwrap().flatten().map(|entry| entry.path());
    let mut libraries: Vec<_> = files.filter(is_ours).collect();
    libraries.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    libraries.reverse();
    libraries
}

/// Compiles a file up to the machine code, as captures are found out only there.
fn compile(file: &Path, library: &Path) -> Output {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file.file_name().unwrap());
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition=2024", "--emit=obj", "-o"])
        .arg(out.with_extension("o"))
        .arg("--extern")
        .arg(format!("procspawn_core={}", library.display()))
        .arg("-L")
        .arg(format!("dependency={}", built().display()))
        .arg(file)
        .output()
        .expect("rustc is there, as it has compiled this test")
}

fn cases(prefix: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let cases: Vec<_> = files
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(prefix))
        .collect();
    assert!(!cases.is_empty(), "there is no {prefix}*");
    cases
}

#[test]
fn only_functions_that_capture_nothing_are_accepted() {
    let good = cases("pass_");
    let accepts = |library: &PathBuf| {
        good.iter().all(|file| {
            let output = compile(file, library);
            if !output.status.success() {
                eprintln!("{}\n{}", library.display(), String::from_utf8_lossy(&output.stderr));
            }
            output.status.success()
        })
    };
    let library = libraries().into_iter().find(accepts).expect("a library with which all is well");
    for file in cases("fail_") {
        let source = std::fs::read_to_string(&file).unwrap();
        let expected = source.lines().find_map(|line| line.strip_prefix("// expect: ")).unwrap();
        let output = compile(&file, &library);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{} is accepted", file.display());
        assert!(said.contains(expected), "{}: {expected:?} is not in\n{said}", file.display());
    }
}
