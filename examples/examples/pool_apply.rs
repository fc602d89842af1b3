//! The plainest use of a pool: a call in a worker, and its value, one after the other.
//!
//! The workers stay, so that a call costs some microseconds and no start of a process.

use std::error::Error;

use multiproc::{Executor, Pool};

fn cube(x: i64) -> i64 {
    x * x * x
}

fn root(x: i64) -> Result<i64, String> {
    if x < 0 { Err(format!("{x} has no root")) } else { Ok(x.isqrt()) }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(4)?;
    for x in 1..=6 {
        println!("{x} cubed is {}", pool.apply(cube, (x,))?);
    }

    // Several arguments, and a closure that captures nothing.
    println!("{}", pool.apply(|name: String, times: usize| name.repeat(times), ("ha".into(), 3))?);

    // What a function returns is its value, also if that is an error. A panic is an error of the task.
    println!("{:?}", pool.apply(root, (-16,))?);
    println!("{}", pool.apply(|n: u32| 10 / n, (0,)).expect_err("nothing can be divided by 0"));
    println!("{:?}", pool.apply(root, (16,))?);
    Ok(())
}
