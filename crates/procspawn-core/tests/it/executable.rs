//! Which program a child executes, and what happens if that is not the right one.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use procspawn_core::{JoinError, Process, StartError, StartMethod, forkserver_pid, set_executable};

use crate::support::{children, each_method, only, run, start};

each_method! {
    the_program_may_be_named_by_path,
    the_program_may_be_a_link,
    the_folder_of_work_does_not_matter,
    the_arguments_of_the_program_are_passed_on,
    the_environment_is_passed_on,
}

only! { Spawn:
    a_missing_program_is_an_error_of_start,
    a_program_that_cannot_be_executed_is_an_error_of_start,
    a_program_that_kills_itself_before_it_reads_is_signaled,
    a_program_that_ends_before_it_reads_has_exited,
    a_program_of_another_build_has_no_such_function,
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("procspawn-core-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// A script that can be executed.
    fn script(&self, text: &str) -> PathBuf {
        let path = self.0.join("script");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

fn own_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

fn the_program_may_be_named_by_path(method: StartMethod) {
    set_executable(Some(own_program()));
    assert_eq!(run(method, |x: u32| x + 1, (1,)), 2);
    set_executable(None);
    assert_eq!(run(method, |x: u32| x + 1, (1,)), 2);
}

fn the_program_may_be_a_link(method: StartMethod) {
    let folder = Folder::new();
    let link = folder.0.join("link");
    symlink(own_program(), &link).unwrap();
    set_executable(Some(link));
    assert_eq!(run(method, |x: u32| x + 1, (1,)), 2);
}

fn the_folder_of_work_does_not_matter(method: StartMethod) {
    let folder = Folder::new();
    let before = std::env::current_dir().unwrap();
    std::env::set_current_dir(&folder.0).unwrap();
    let seen = run(method, || std::env::current_dir().unwrap(), ());
    assert_eq!(seen, folder.0.canonicalize().unwrap());
    std::env::set_current_dir(before).unwrap();
}

fn the_arguments_of_the_program_are_passed_on(method: StartMethod) {
    let arguments = || std::env::args_os().collect::<Vec<_>>();
    assert_eq!(run(method, arguments, ()), arguments());
}

fn the_environment_is_passed_on(method: StartMethod) {
    crate::support::set_env("PROCSPAWN_TEST", "grüße\n=x");
    assert_eq!(run(method, || std::env::var("PROCSPAWN_TEST").unwrap(), ()), "grüße\n=x");
}

/// Starting fails for both methods that execute, and leaves nothing behind.
#[track_caller]
fn start_fails(path: &Path, kind: std::io::ErrorKind) {
    set_executable(Some(path.into()));
    for method in [StartMethod::Spawn, StartMethod::ForkServer] {
        let before = crate::support::descriptors();
        let result = Process::new(|| (), ()).start_method(method).start();
        let Err(error @ StartError::Io { .. }) = result else { panic!("{method}: {result:?}") };
        assert_eq!(std::io::Error::from(error).kind(), kind, "{method}");
        assert!(children().is_empty());
        assert_eq!(forkserver_pid(), None);
        crate::support::assert_no_new_descriptors(&before);
    }
}

fn a_missing_program_is_an_error_of_start(_: StartMethod) {
    start_fails(Path::new("/nonexistent/program"), std::io::ErrorKind::NotFound);
    set_executable(None);
    assert_eq!(run(StartMethod::Spawn, || 1, ()), 1);
    assert_eq!(run(StartMethod::ForkServer, || 1, ()), 1);
}

fn a_program_that_cannot_be_executed_is_an_error_of_start(_: StartMethod) {
    let folder = Folder::new();
    start_fails(&folder.0, std::io::ErrorKind::PermissionDenied);
    let plain = folder.0.join("plain");
    std::fs::write(&plain, "text").unwrap();
    start_fails(&plain, std::io::ErrorKind::PermissionDenied);
}

#[track_caller]
fn preload_fails() {
    let result = Process::new(|| (), ()).start_method(StartMethod::ForkServer).start();
    assert!(matches!(result, Err(StartError::Preload(_))), "{result:?}");
    assert!(children().is_empty());
}

fn a_program_that_kills_itself_before_it_reads_is_signaled(_: StartMethod) {
    let folder = Folder::new();
    set_executable(Some(folder.script("kill -9 $$")));
    let result = start(StartMethod::Spawn, |big: Vec<u8>| big.len(), (vec![1; 1 << 20],)).join();
    let signaled = matches!(result, Err(JoinError::Signaled { signal: libc::SIGKILL, .. }));
    assert!(signaled, "{result:?}");
    preload_fails();
}

fn a_program_that_ends_before_it_reads_has_exited(_: StartMethod) {
    let folder = Folder::new();
    for code in [0, 7] {
        set_executable(Some(folder.script(&format!("exit {code}"))));
        let result = start(StartMethod::Spawn, || 1, ()).join();
        assert!(matches!(result, Err(JoinError::Exited(got)) if got == code), "{result:?}");
        preload_fails();
    }
}

/// Another build: the same program, but for one bit of the name that the linker gave it.
fn other_build(folder: &Folder) -> PathBuf {
    let mut program = std::fs::read(own_program()).unwrap();
    // The note: length of name, length of the id, type 3, "GNU\0", the id.
    let head = [4u32, 20, 3].map(u32::to_ne_bytes).concat();
    let note = [&head[..], b"GNU\0"].concat();
    if let Some(at) = program.windows(note.len()).position(|window| window == note) {
        program[at + note.len()] ^= 1;
    }
    let path = folder.0.join("other");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&program).unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o700)).unwrap();
    path
}

fn a_program_of_another_build_has_no_such_function(_: StartMethod) {
    let folder = Folder::new();
    set_executable(Some(other_build(&folder)));
    let result = start(StartMethod::Spawn, |x: u32| x, (1,)).join();
    let Err(JoinError::NoSuchFunction(why)) = &result else { panic!("{result:?}") };
    assert!(why.contains("another build"), "{why}");
    let child = start(StartMethod::ForkServer, |x: u32| x, (1,));
    let known = child.child().clone();
    let result = child.join();
    assert!(matches!(result, Err(JoinError::NoSuchFunction(_))), "{result:?}");
    assert_eq!(known.exit_status().unwrap().code(), Some(1));
}

/// Runs one test, of those that are ignored otherwise, in a copy of this program.
fn run_copy(name: &str) {
    let folder = Folder::new();
    let copy = folder.0.join("copy");
    std::fs::copy(own_program(), &copy).unwrap();
    let output = Command::new(&copy).args(["--ignored", "--exact", name]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
    assert!(!copy.exists() || std::fs::read(&copy).unwrap() == b"replaced");
}

#[test]
fn a_program_whose_file_is_gone_starts_children() {
    run_copy("executable::deletes_its_own_file");
}

#[test]
fn a_program_whose_file_was_replaced_starts_children() {
    run_copy("executable::replaces_its_own_file");
}

fn start_by_all_safe_methods() {
    for method in [StartMethod::Spawn, StartMethod::ForkServer] {
        assert_eq!(run(method, |x: u32| x + 1, (1,)), 2);
    }
}

#[test]
#[ignore = "the other half of a_program_whose_file_is_gone_starts_children"]
fn deletes_its_own_file() {
    if own_program().file_name().is_some_and(|name| name == "copy") {
        std::fs::remove_file(own_program()).unwrap();
    }
    start_by_all_safe_methods();
}

#[test]
#[ignore = "the other half of a_program_whose_file_was_replaced_starts_children"]
fn replaces_its_own_file() {
    let path = own_program();
    if path.file_name().is_some_and(|name| name == "copy") {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "replaced").unwrap();
    }
    start_by_all_safe_methods();
}
