//! Values while the job runs, from an iterator that need not have an end.
//!
//! Elements are taken from the iterator only as values are taken, so that a slow consumer holds up the
//! producer instead of filling the memory.

use std::cell::Cell;
use std::error::Error;

use multiproc::{Executor, Pool};

fn is_prime(n: u64) -> (u64, bool) {
    (n, n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d)))
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(2)?;

    // The first primes beyond a million: of an endless iterator, and in order.
    let mut primes = Vec::new();
    for result in pool.imap(is_prime, 1_000_000..) {
        let (n, is_prime) = result?;
        primes.extend(is_prime.then_some(n));
        if primes.len() == 5 {
            break;
        }
    }
    println!("{primes:?}");

    // No more than 10 elements are under way.
    let taken = Cell::new(0);
    let numbers = (1..).inspect(|_| taken.set(taken.get() + 1));
    let mut squares = pool.call(|x: u64| x * x).window(10).imap(numbers);
    let first = squares.next().ok_or("it has no end")??;
    println!("the first value is {first}, and {} elements have been taken", taken.get());
    let fifth = squares.nth(3).ok_or("it has no end")??;
    println!("the fifth value is {fifth}, and at most 15 have been taken: {}", taken.get() <= 15);
    drop(squares);

    // Whichever is ready first.
    let sum: u64 = pool.imap_unordered(|x: u64| x * x, 1..=1000).sum::<Result<_, _>>()?;
    println!("the first thousand squares add up to {sum}");
    Ok(())
}
