//! `spawn`: a new process from an executable, which ends at once, and the wait for its end.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use multiproc::{Process, StartMethod};

use crate::contender::{Contender, Family, Missing, Round};
use crate::{ballast, bare, clock};

pub(crate) const FAMILY: Family = &[
    ("posix_spawn", Contender::Here(|_| posix_spawn())),
    (
        "posix_spawn, big parent",
        Contender::Here(|setting| {
            ballast::load(ballast::big(setting))?;
            posix_spawn()
        }),
    ),
    ("multiproc spawn", Contender::Here(|_| Ok(ours()))),
    (
        "multiproc spawn, big parent",
        Contender::Here(|setting| {
            ballast::load(ballast::big(setting))?;
            Ok(ours())
        }),
    ),
    ("posix_spawn, empty program", Contender::Here(|_| empty_program())),
];

/// How many processes one round starts.
const COUNT: u32 = 20;

/// This program, leaving `main` at once. std starts a plain command by `posix_spawn`.
fn posix_spawn() -> Result<Round, Missing> {
    let mut command = Command::new("/proc/self/exe");
    command.arg(bare::LEAVE);
    Ok(starting(command))
}

fn empty_program() -> Result<Round, Missing> {
    let this = env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
    let floor: PathBuf = this.with_file_name("floor");
    if !floor.is_file() {
        return Err("needs target/release/floor; build with `--bins`".to_owned());
    }
    Ok(starting(Command::new(floor)))
}

fn starting(mut command: Command) -> Round {
    Box::new(move || {
        clock::micros_each(COUNT, || {
            let status = command.status().expect("the program can be started");
            assert!(status.success(), "the program ended with {status}");
        })
    })
}

/// An empty function in a new process, and its value.
fn ours() -> Round {
    Box::new(move || {
        clock::micros_each(COUNT, || {
            let process = Process::new(|| (), ()).start_method(StartMethod::Spawn).start();
            process.expect("a process can be started").join().expect("it gives its value");
        })
    })
}
