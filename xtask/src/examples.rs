//! `cargo xtask examples`: every example runs, and prints what `examples/expected` says.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::step::{Step, timed};
use crate::{Result, paths, wildcard};

const BUILD: Step = Step {
    name: "build the examples",
    line: "cargo build --quiet --package examples --examples",
    env: &[],
};

/// How long an example may take, and how long anything it leaves behind may hold its output open.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result {
    let folder = paths::root().join("examples");
    let names = names(&folder.join("examples"))?;
    if names.is_empty() {
        println!("no examples in examples/examples yet");
        return Ok(());
    }
    BUILD.run()?;
    for name in names {
        let expected = folder.join(format!("expected/{name}.txt"));
        timed(&format!("example {name}"), || check(&name, &expected))?;
    }
    Ok(())
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let (Some("rs"), Some(name)) = (text(path.extension()), text(path.file_stem())) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn text(part: Option<&std::ffi::OsStr>) -> Option<&str> {
    part.and_then(|part| part.to_str())
}

fn check(name: &str, expected: &Path) -> Result {
    let binary = paths::debug_dir()?.join("examples").join(name);
    let wanted = fs::read_to_string(expected).map_err(|_| how_to_make(expected, &binary))?;
    let printed = output(&binary)?;
    match wildcard::diff(&wanted, &printed) {
        None => Ok(()),
        Some(diff) => {
            let expected = expected.display();
            Err(format!("printed other lines (+) than {expected} has (-):\n{diff}").into())
        }
    }
}

fn how_to_make(expected: &Path, binary: &Path) -> String {
    let (expected, binary) = (expected.display(), binary.display());
    format!(
        "{expected} is missing; make it with\n    {binary} > {expected}\n\
         then read it, and put … where a line may hold any text"
    )
}

fn output(binary: &PathBuf) -> Result<String> {
    let mut child = Command::new(binary)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|e| format!("cannot start {}: {e}", binary.display()))?;
    let stdout = child.stdout.take().expect("stdout was asked for as a pipe");
    let Some(printed) = read_within_limit(stdout) else {
        kill_group(&mut child);
        return Err(format!("its output was still open after {LIMIT:?}; killed").into());
    };
    let status = child.wait()?;
    let printed = printed?;
    if status.success() { Ok(printed) } else { Err(format!("{status}, after:\n{printed}").into()) }
}

/// Reads to the end on a thread of its own, so that an example that hangs can be given up.
fn read_within_limit(mut stdout: ChildStdout) -> Option<std::io::Result<String>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text).map(|_| text);
        // The receiver is gone if the limit has passed; then nobody wants the text.
        let _ = sender.send(read);
    });
    receiver.recv_timeout(LIMIT).ok()
}

/// Kills the example and all that it has started, by the group it was started in.
fn kill_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    // What cannot be killed has ended by itself.
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    let _ = child.wait();
}
