//! The same work four ways: one call after the other, a process each, a pool, and a pool of threads.
//!
//! A pool has its workers before the work comes, and here as many as there are processors.

use std::error::Error;
use std::time::Instant;

use multiproc::{Executor, Pool, Process, ThreadPool};

const NUMBERS: [u64; 4] = [27, 28, 29, 30];

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

type Numbers = Result<Vec<u64>, Box<dyn Error>>;

fn one_after_the_other() -> Numbers {
    Ok(NUMBERS.map(fib).to_vec())
}

fn a_process_each() -> Numbers {
    let processes = NUMBERS.map(|n| Process::new(fib, (n,)).start());
    processes.into_iter().map(|process| Ok(process?.join()?)).collect()
}

/// The same for every kind of pool.
fn a_pool(pool: &impl Executor) -> Numbers {
    Ok(pool.map(fib, NUMBERS)?)
}

/// Does `work`, and prints what came of it and how long it took.
fn timed(name: &str, work: impl FnOnce() -> Numbers) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let numbers = work()?;
    println!("{name}: {numbers:?} in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    Ok(())
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (pool, threads) = (Pool::new()?, ThreadPool::new()?);
    timed("one after the other", one_after_the_other)?;
    timed("a process each", a_process_each)?;
    timed("a pool of processes", || a_pool(&pool))?;
    timed("a pool of threads", || a_pool(&threads))
}
