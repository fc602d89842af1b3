//! Start all, then join all: what waits in between is not waited for twice.
//!
//! `join` waits for the end of one process. A loop that starts one and joins it at once has one
//! running at any time.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use multiproc::Process;

const CHILDREN: u32 = 4;

/// Work that spends its time waiting, for a disk or a network perhaps.
fn fetch(number: u32) -> u32 {
    thread::sleep(Duration::from_millis(300));
    number * number
}

fn one_by_one() -> Result<Vec<u32>, Box<dyn Error>> {
    (0..CHILDREN).map(|number| Ok(Process::new(fetch, (number,)).start()?.join()?)).collect()
}

fn all_at_once() -> Result<Vec<u32>, Box<dyn Error>> {
    let started: Result<Vec<_>, _> =
        (0..CHILDREN).map(|number| Process::new(fetch, (number,)).start()).collect();
    started?.into_iter().map(|process| Ok(process.join()?)).collect()
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    println!("one by one: {:?}", one_by_one()?);
    let slow = start.elapsed();

    let start = Instant::now();
    println!("all at once: {:?}", all_at_once()?);
    let fast = start.elapsed();

    println!("{slow:.1?} and {fast:.1?}");
    let verdict = if fast * 3 < slow * 2 { "less" } else { "not less" };
    println!("all at once took {verdict} than two thirds of the time");
    Ok(())
}
