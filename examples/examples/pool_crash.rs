//! A worker that dies costs the call that it was in. The pool starts another one, and all else goes on.

use std::error::Error;
use std::process;

use multiproc::pool::Retry;
use multiproc::{Executor, Pool, TaskError, Value};

/// Foreign code may do this, or run into a null pointer, or use up all memory.
fn crash_at(bad: u32, n: u32) -> u32 {
    if n == bad {
        process::abort();
    }
    n * n
}

/// Crashes once.
fn crash_first(attempts: Value<u32>) -> u32 {
    attempts.update(|attempts| *attempts += 1).expect("nobody dies with the lock");
    let attempt = attempts.get().expect("nobody dies with the lock");
    if attempt == 1 {
        process::exit(7);
    }
    attempt
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(2)?;

    let calls = (0..6).map(|n| (3, n));
    for (n, result) in (0..).zip(pool.call(crash_at).starmap_each(calls)?) {
        match result {
            Ok(value) => println!("{n}: {value}"),
            Err(TaskError::WorkerDied(died)) => {
                println!("{n}: died with {}, in call {} of the job", died.status, died.index);
            }
            Err(error) => return Err(error.into()),
        }
    }
    println!("workers that died: {}, workers: {}", pool.stats().deaths, pool.workers());

    // No call is made twice, unless one says that this is harmless.
    let attempts = Value::new(0)?;
    let careful = pool.call(crash_first).retry(Retry::on_death(3));
    println!("it went well at attempt {}", careful.apply((attempts,))?);
    Ok(())
}
