//! `forkserver`: a small process that forks on request, asked for a child that ends at once.

use std::process::Command;

use multiproc::{Process, StartMethod};

use crate::bare::{self, Helper};
use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::{ballast, clock, python};

pub(crate) const FAMILY: Family = &[
    ("bare fork server", Contender::Here(|_| bare_fork_server())),
    (
        "bare fork server, big parent",
        Contender::Here(|setting| {
            ballast::load(ballast::big(setting))?;
            bare_fork_server()
        }),
    ),
    ("python forkserver", Contender::Program(python_forkserver)),
    ("multiproc forkserver", Contender::Here(|_| Ok(ours(COUNT)))),
    (
        "multiproc forkserver, big parent",
        Contender::Here(|setting| {
            ballast::load(ballast::big(setting))?;
            Ok(ours(COUNT))
        }),
    ),
];

/// How many children one round asks for.
const COUNT: u32 = 50;

fn bare_fork_server() -> Result<Round, Missing> {
    let mut server = Helper::start(bare::FORK_SERVER)
        .map_err(|e| format!("cannot start the bare fork server: {e}"))?;
    Ok(Box::new(move || {
        clock::micros_each(COUNT, || {
            let mut request = [7];
            server.exchange(&mut request).expect("the fork server answers");
            assert_eq!(request, [7]);
        })
    }))
}

/// Python's `multiprocessing` with the start method of the same name.
fn python_forkserver(setting: Setting) -> Result<Command, Missing> {
    python::command("forkserver.py", [if setting.quick { "3" } else { "10" }])
}

/// An empty function in a new process, and its value.
fn ours(count: u32) -> Round {
    Box::new(move || {
        clock::micros_each(count, || {
            let process = Process::new(|| (), ()).start_method(StartMethod::ForkServer).start();
            process.expect("a process can be started").join().expect("it gives its value");
        })
    })
}
