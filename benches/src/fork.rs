//! `fork`: a copy of this process that ends at once, and the wait for its end.

use multiproc::{Process, StartMethod};

use crate::contender::{Contender, Family, Round};
use crate::{ballast, bare, clock};

pub(crate) const FAMILY: Family = &[
    ("raw fork", Contender::Here(|_| Ok(raw_fork(50)))),
    (
        "raw fork, 1 GiB parent",
        Contender::Here(|_| {
            ballast::load(ballast::GIB)?;
            Ok(raw_fork(5))
        }),
    ),
    ("multiproc fork", Contender::Here(|_| Ok(ours(50)))),
    (
        "multiproc fork, 1 GiB parent",
        Contender::Here(|_| {
            ballast::load(ballast::GIB)?;
            Ok(ours(5))
        }),
    ),
];

fn raw_fork(count: u32) -> Round {
    Box::new(move || {
        clock::micros_each(count, || bare::fork_and_wait().expect("the process can be forked"))
    })
}

/// An empty function in a new process, and its value.
fn ours(count: u32) -> Round {
    Box::new(move || {
        clock::micros_each(count, || {
            let process = Process::new(|| (), ()).start_method(StartMethod::Fork).start();
            process.expect("a process can be started").join().expect("it gives its value");
        })
    })
}
