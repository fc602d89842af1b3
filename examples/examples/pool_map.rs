//! One function for many elements, and their values in order.
//!
//! How many elements go to a worker at once follows from how long they take; `chunk_size` fixes it.

use std::error::Error;

use multiproc::{Executor, Pool};

fn square(x: u64) -> u64 {
    x * x
}

fn power(base: u64, exponent: u32) -> u64 {
    base.pow(exponent)
}

/// How many steps of the Collatz rule lead from `start` to 1.
fn collatz_steps(start: u64) -> u32 {
    let next = |n: &u64| (*n != 1).then(|| if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 });
    std::iter::successors(Some(start), next).skip(1).map(|_| 1).sum()
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(4)?;
    println!("{:?}", pool.map(square, 0..10)?);
    println!("{:?}", pool.starmap(power, [(2, 10), (3, 5), (10, 3)])?);

    // A hundred thousand calls, of which a few hundred go to a worker at once.
    let steps = pool.map(collatz_steps, 1..=100_000)?;
    let longest = (1..).zip(&steps).max_by_key(|(_, steps)| **steps);
    println!("the longest way to 1, as (start, steps): {longest:?}");

    // The first error is that of the whole, unless one wants to know of each.
    println!("{}", pool.map(|x: u32| 100 / x, [5, 0, 10]).expect_err("one divides by 0"));
    for result in pool.call(|x: u32| 100 / x).chunk_size(1).map_each([5, 0, 10])? {
        println!("{}", result.map_or_else(|error| error.to_string(), |value| value.to_string()));
    }
    Ok(())
}
