//! Workers that write into one array in place, each its own part: nothing is sent back.
//!
//! A part of a `SharedSlice` is sent as a descriptor and two numbers. Parts that overlap would be an
//! error, not a race.

use std::error::Error;

use multiproc::{Executor, Pool, SharedSlice};

const SIZE: usize = 1000;

/// Sets the cells of one row of a multiplication table.
fn fill(row: SharedSlice<u64>, number: u64) {
    let mut cells = row.write().expect("nobody else has this row");
    for (column, cell) in (1..).zip(cells.iter_mut()) {
        *cell = number * column;
    }
}

/// Reads the whole.
fn sum(table: SharedSlice<u64>) -> u64 {
    table.read().expect("nobody writes any more").iter().sum()
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(4)?;
    let table = SharedSlice::<u64>::with_len(SIZE * SIZE)?;

    let rows = table.split(SIZE);
    pool.starmap(fill, rows.into_iter().zip(1..))?;

    println!("7 times 8 is {}", table.get(6 * SIZE + 7)?);
    println!("all cells add up to {}", pool.apply(sum, (table.clone(),))?);
    println!("and should to {}", (SIZE * (SIZE + 1) / 2).pow(2));
    Ok(())
}
