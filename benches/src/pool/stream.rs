//! `pool-stream` and `pool-stream-memory`: ten million values that are looked at one by one, in order;
//! how fast, and how much memory that takes here at the most.

use std::fs;

use multiproc::Executor;

use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::pool::rates::same;
use crate::pool::{crew, rivals};

pub(crate) const RATE: Family = &[
    ("multiproc Pool", Contender::Here(|setting| rate(crew::processes()?, setting))),
    ("multiproc ThreadPool", Contender::Here(|setting| rate(crew::threads()?, setting))),
    ("python Pool", Contender::Program(|setting| rivals::pool("stream", 50_000, setting))),
];

pub(crate) const MEMORY: Family = &[
    (
        "multiproc Pool, a tenth of them",
        Contender::Here(|setting| growth(crew::processes, count(setting) / 10)),
    ),
    ("multiproc Pool", Contender::Here(|setting| growth(crew::processes, count(setting)))),
    ("multiproc ThreadPool", Contender::Here(|setting| growth(crew::threads, count(setting)))),
    (
        "python Pool, a fiftieth of them",
        Contender::Program(|setting| rivals::pool("stream_memory", 200_000, setting)),
    ),
];

fn count(setting: Setting) -> u64 {
    if setting.quick { 200_000 } else { 10_000_000 }
}

fn rate(pool: impl Executor + 'static, setting: Setting) -> Result<Round, Missing> {
    let count = count(setting);
    Ok(Box::new(move || clock::millions_per_second(count, || run_through(&pool, count))))
}

/// The mebibytes that this process has grown by at the most since it had no pool.
fn growth<E: Executor + 'static>(
    pool: fn() -> Result<E, Missing>,
    count: u64,
) -> Result<Round, Missing> {
    let before = status("VmRSS:");
    let pool = pool()?;
    Ok(Box::new(move || {
        run_through(&pool, count);
        status("VmHWM:") - before
    }))
}

fn run_through(pool: &impl Executor, count: u64) {
    let values = pool.imap(same, 0..count).map(|value| value.expect("nothing fails"));
    assert!(values.eq(0..count));
}

/// A line of what the kernel says about this process, in mebibytes.
fn status(key: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<f64>().ok());
    kib.expect("the kernel says it in kB") / 1024.0
}
