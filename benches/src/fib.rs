//! `fib`: two equal pieces of pure computing, which two cores should do in the time of one.

use std::hint::black_box;
use std::thread;

use crossbeam_channel::unbounded;
use multiproc::{Executor, Process};

use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::pool::{crew, rivals};

pub(crate) const FAMILY: Family = &[
    (
        "one after the other",
        Contender::Here(|_| Ok(Box::new(|| clock::millis(one_after_the_other)))),
    ),
    ("two processes", Contender::Here(|_| Ok(Box::new(|| clock::millis(two_processes))))),
    ("two threads", Contender::Here(|_| Ok(Box::new(|| clock::millis(two_threads))))),
    ("pool", Contender::Here(|_| crew::processes().map(in_pool))),
    ("thread pool", Contender::Here(|_| crew::threads().map(in_pool))),
    ("rayon", Contender::Here(|_| in_rayon())),
];

/// For `pool-fib`, under the names that pools have elsewhere.
pub(crate) const POOLS: Family = &[
    ("two threads", Contender::Here(|_| Ok(Box::new(|| clock::millis(two_threads))))),
    ("multiproc Pool", Contender::Here(|_| crew::processes().map(in_pool))),
    ("multiproc ThreadPool", Contender::Here(|_| crew::threads().map(in_pool))),
    ("rayon", Contender::Here(|_| in_rayon())),
    ("threadpool", Contender::Here(|_| Ok(in_threadpool()))),
    ("python Pool", Contender::Program(|_| rivals::pool("fibs", 2, Setting { quick: false }))),
];

const N: u64 = 33;
const FIB_N: u64 = 3_524_578;

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

/// One piece; the argument is hidden from the compiler, which could compute it otherwise.
fn piece() -> u64 {
    fib(black_box(N))
}

fn one_after_the_other() {
    assert_eq!([piece(), piece()], [FIB_N; 2]);
}

fn two_threads() {
    let threads = [thread::spawn(piece), thread::spawn(piece)];
    let values = threads.map(|thread| thread.join().expect("fib does not panic"));
    assert_eq!(values, [FIB_N; 2]);
}

fn two_processes() {
    let start = || Process::new(piece, ()).start().expect("a process can be started");
    let processes = [start(), start()];
    let values = processes.map(|process| process.join().expect("fib gives its value"));
    assert_eq!(values, [FIB_N; 2]);
}

/// In workers that are there before the clock starts.
fn in_pool(pool: impl Executor + 'static) -> Round {
    Box::new(move || {
        clock::millis(|| {
            let handles = [pool.submit(piece, ()), pool.submit(piece, ())];
            let values = handles.map(|handle| handle.get().expect("fib gives its value"));
            assert_eq!(values, [FIB_N; 2]);
        })
    })
}

fn in_rayon() -> Result<Round, Missing> {
    let pool = crew::rayon()?;
    Ok(Box::new(move || {
        clock::millis(|| {
            let (one, other) = pool.install(|| rayon::join(piece, piece));
            assert_eq!([one, other], [FIB_N; 2]);
        })
    }))
}

fn in_threadpool() -> Round {
    let pool = crew::threadpool();
    Box::new(move || {
        clock::millis(|| {
            let (sender, values) = unbounded();
            for sender in [sender.clone(), sender] {
                pool.execute(move || sender.send(piece()).expect("the other side lives"));
            }
            assert!(values.iter().eq([FIB_N; 2]));
        })
    })
}
