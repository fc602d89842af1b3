//! Contenders: who measures, found by the names that `workloads.toml` uses.

use std::process::Command;

use crate::pool::chunks::{Chunks, Long, Short, Skewed, Tiny};
use crate::pool::{blocks, memory, rates, start, stream, trips};
use crate::{
    Result, array, barrier, event, fib, fork, forkserver, mutex, pingpong, queue, region, rwlock,
    semaphore, spawn, throughput,
};

/// Measures once, checks the answer (a wrong one panics) and gives a number in the workload's unit.
pub(crate) type Round = Box<dyn FnMut() -> f64>;

/// What a contender is told before its first round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Show that it works, with little memory and few repetitions.
    pub(crate) quick: bool,
}

/// Why a contender cannot run on this machine; shown in its row.
pub(crate) type Missing = String;

/// How a contender comes to its rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Contender {
    /// A function of this program: prepares once (starts a server, touches memory) and gives the
    /// round. It runs in a process of its own, on its only thread.
    Here(fn(Setting) -> std::result::Result<Round, Missing>),
    /// Another program that speaks the protocol of `peer.rs`.
    Program(fn(Setting) -> std::result::Result<Command, Missing>),
}

/// The contenders of a family with their names.
pub(crate) type Family = &'static [(&'static str, Contender)];

/// The families, each under the name of the workload that it serves.
const FAMILIES: &[(&str, Family)] = &[
    ("fib", fib::FAMILY),
    ("spawn", spawn::FAMILY),
    ("fork", fork::FAMILY),
    ("forkserver", forkserver::FAMILY),
    ("pingpong", pingpong::FAMILY),
    ("throughput", throughput::FAMILY),
    ("mutex", mutex::FAMILY),
    ("mutex-contended", mutex::CONTENDED),
    ("semaphore", semaphore::FAMILY),
    ("semaphore-contended", semaphore::CONTENDED),
    ("rwlock", rwlock::FAMILY),
    ("event", event::FAMILY),
    ("barrier", barrier::FAMILY),
    ("array", array::FAMILY),
    ("region", region::FAMILY),
    ("region-create", region::CREATE),
    ("queue-8", queue::Values::<u64>::FAMILY),
    ("queue-64", queue::Values::<[u64; 8]>::FAMILY),
    ("queue-1k", queue::KIBIBYTE),
    ("queue-1m", queue::MEBIBYTE),
    ("queue-2x2", queue::TWO_BY_TWO),
    ("queue-pingpong-spin", queue::SPIN),
    ("queue-pingpong-sleep", queue::SLEEP),
    ("pool-map", rates::MAP),
    ("pool-submit", rates::SUBMIT),
    ("pool-apply", trips::FAMILY),
    ("pool-chunks-100ns", Chunks::<Tiny>::FAMILY),
    ("pool-chunks-10us", Chunks::<Short>::FAMILY),
    ("pool-chunks-1ms", Chunks::<Long>::FAMILY),
    ("pool-chunks-skewed", Chunks::<Skewed>::FAMILY),
    ("pool-fib", fib::POOLS),
    ("pool-1m", blocks::FAMILY),
    ("pool-memory", memory::FAMILY),
    ("pool-start", start::FAMILY),
    ("pool-stream", stream::RATE),
    ("pool-stream-memory", stream::MEMORY),
];

/// The contender called `name` in the family of `workload`.
pub(crate) fn find(workload: &str, name: &str) -> Result<Contender> {
    let family = FAMILIES.iter().find(|(family, _)| *family == workload);
    let (_, family) = family.ok_or_else(|| {
        format!("workload `{workload}` has no family; add one to benches/src/contender.rs")
    })?;
    let found = family.iter().find(|(contender, _)| *contender == name);
    let (_, contender) = found.ok_or_else(|| {
        format!(
            "no contender `{name}` in the family `{workload}`; add it to benches/src/{workload}.rs"
        )
    })?;
    Ok(*contender)
}
