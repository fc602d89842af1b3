//! `pool-memory`: what memory a worker has for itself alone while it has nothing to do.

use std::fs;
use std::thread;
use std::time::Duration;

use multiproc::{Executor, Process};

use crate::bare::{self, Helper};
use crate::contender::{Contender, Family, Missing, Round};
use crate::pool::rates::same;
use crate::pool::{crew, rivals};

pub(crate) const FAMILY: Family = &[
    ("bare process", Contender::Here(|_| bare_process())),
    ("multiproc Process", Contender::Here(|_| our_process())),
    ("multiproc Pool", Contender::Here(|_| our_pool(0))),
    ("multiproc Pool, after a million calls", Contender::Here(|_| our_pool(1_000_000))),
    ("python Pool", Contender::Program(|setting| rivals::pool("memory", 100, setting))),
    (
        "python ProcessPoolExecutor",
        Contender::Program(|setting| rivals::futures("memory", 100, setting)),
    ),
    ("loky", Contender::Program(|setting| rivals::loky("memory", 100, setting))),
];

/// This program, which waits for a byte of its socket.
fn bare_process() -> Result<Round, Missing> {
    let start = || Helper::start(bare::ECHO).map_err(|e| format!("cannot start it: {e}"));
    let mut process = start()?;
    process.exchange(&mut [0; 8]).map_err(|e| format!("it does not answer: {e}"))?;
    Ok(Box::new(move || private(process.pid())))
}

fn our_process() -> Result<Round, Missing> {
    let sleep = || thread::sleep(Duration::from_secs(3600));
    let process = Process::new(sleep, ()).daemon(true).start();
    let process = process.map_err(|e| format!("cannot start it: {e}"))?;
    // It has come to its sleep after a tenth of a second, unless the machine is very busy.
    thread::sleep(Duration::from_millis(100));
    Ok(Box::new(move || private(process.pid())))
}

/// The worker that has most, after so many calls.
fn our_pool(calls: u64) -> Result<Round, Missing> {
    let pool = crew::processes()?;
    pool.map(same, 0..calls).map_err(|e| e.to_string())?;
    Ok(Box::new(move || pool.pids().into_iter().map(private).fold(0.0, f64::max)))
}

/// The mebibytes that only this process has.
fn private(pid: u32) -> f64 {
    let sums = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("the process lives");
    let lines = sums.lines().filter(|line| line.starts_with("Private_"));
    let kib = lines.filter_map(|line| line.split_ascii_whitespace().nth(1)?.parse::<f64>().ok());
    kib.sum::<f64>() / 1024.0
}
