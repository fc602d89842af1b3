//! Calls that are given to a pool now, and asked for their values later.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::pool::as_completed;
use multiproc::{Executor, Pool};

fn cube(x: u64) -> u64 {
    x * x * x
}

fn nap(millis: u64) -> u64 {
    thread::sleep(Duration::from_millis(millis));
    millis
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(4)?;

    // In the order in which they were given, whichever ends first.
    let cubes: Vec<_> = (1..=6).map(|x| pool.submit(cube, (x,))).collect();
    for (x, cube) in (1..).zip(cubes) {
        println!("{x} cubed is {}", cube.get()?);
    }

    // In the order in which they end.
    let naps = [600, 300, 1].map(|millis| pool.submit(nap, (millis,)));
    for nap in as_completed(naps) {
        println!("slept for {} ms", nap.get()?);
    }

    // No longer than one has patience for.
    let mut long = pool.submit(nap, (200,));
    println!("after 1 ms: {:?}", long.get_timeout(Duration::from_millis(1)).transpose()?);
    println!("in the end: {:?}", long.get()?);
    Ok(())
}
