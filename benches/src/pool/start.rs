//! `pool-start`: how long it takes until a pool of two is ready.

use std::process::Command;
use std::time::Instant;

use multiproc::{Pool, StartMethod, ThreadPool};

use crate::bare::{self, Helper};
use crate::contender::{Contender, Family, Setting};
use crate::pool::crew::WORKERS;
use crate::pool::rivals;

pub(crate) const FAMILY: Family = &[
    ("two posix_spawns", Contender::Here(|setting| Ok(Box::new(move || each(setting, spawn))))),
    (
        "two bare processes",
        Contender::Here(|setting| Ok(Box::new(move || each(setting, bare_processes)))),
    ),
    ("multiproc Pool", Contender::Here(|setting| Ok(Box::new(move || each(setting, ours))))),
    (
        "multiproc Pool, forkserver",
        Contender::Here(|setting| Ok(Box::new(move || each(setting, forked)))),
    ),
    (
        "multiproc ThreadPool",
        Contender::Here(|setting| Ok(Box::new(move || each(setting, our_threads)))),
    ),
    ("python Pool", Contender::Program(|setting| rivals::pool("start", 10, setting))),
    (
        "python ProcessPoolExecutor",
        Contender::Program(|setting| rivals::futures("start", 10, setting)),
    ),
    ("loky", Contender::Program(|setting| rivals::loky("start", 3, setting))),
];

/// The milliseconds that one `start` takes, without what it takes to end what has been started.
fn each<T>(setting: Setting, start: impl Fn() -> T) -> f64 {
    let count = if setting.quick { 3 } else { 20 };
    let times = (0..count).map(|_| {
        let begin = Instant::now();
        let started = start();
        let took = begin.elapsed();
        drop(started);
        took.as_secs_f64()
    });
    1e3 * times.sum::<f64>() / f64::from(count)
}

/// This program twice, at the same time, leaving `main` at once.
fn spawn() {
    let start = || Command::new("/proc/self/exe").arg(bare::LEAVE).spawn();
    let processes = [(); WORKERS].map(|()| start().expect("the program can be started"));
    for mut process in processes {
        let status = process.wait().expect("it is a child");
        assert!(status.success(), "the program ended with {status}");
    }
}

/// This program twice, at the same time, until each has answered.
fn bare_processes() -> [Helper; WORKERS] {
    let start = || Helper::start(bare::ECHO).expect("the program can be started");
    let mut processes = [(); WORKERS].map(|()| start());
    for process in &mut processes {
        process.exchange(&mut [0; 8]).expect("the echo process answers");
    }
    processes
}

fn ours() -> Pool {
    let pool = Pool::builder().workers(WORKERS).start_method(StartMethod::Spawn);
    pool.build().expect("a pool can be started")
}

fn forked() -> Pool {
    let pool = Pool::builder().workers(WORKERS).start_method(StartMethod::ForkServer);
    pool.build().expect("a pool can be started")
}

fn our_threads() -> ThreadPool {
    ThreadPool::with_workers(WORKERS).expect("a pool can be started")
}
