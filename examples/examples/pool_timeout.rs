//! Two limits for the time that a call may take: one at which it is asked to stop, and one at which its
//! worker is killed.
//!
//! The time that it waits for a worker does not count.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::pool::should_stop;
use multiproc::{Executor, Pool};

/// Counts without end, and gives what it has when it should stop.
fn count_well_behaved() -> u64 {
    let mut steps = 0_u64;
    while !should_stop() {
        steps += 1;
    }
    steps
}

/// Hears nothing.
fn hang() {
    thread::sleep(Duration::from_secs(3600));
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(1)?;
    let limit = Duration::from_millis(100);

    let asked = pool.call(count_well_behaved).soft_timeout(limit);
    println!("asked to stop, it had counted: {}", asked.apply(())? > 0);

    let error = pool.call(hang).timeout(limit).apply(()).expect_err("it hangs");
    println!("killed: {error}");

    // Both: time to clean up, and an end if that does not come.
    let both = pool.call(count_well_behaved).soft_timeout(limit).timeout(Duration::from_secs(30));
    println!("with both, too: {}", both.apply(())? > 0);

    // Not to be mixed up with one's own patience, which leaves the task alone.
    let mut handle = pool.submit(|| thread::sleep(Duration::from_millis(100)), ());
    println!("in time: {}", handle.get_timeout(Duration::from_millis(1)).is_some());
    println!("in the end: {:?}", handle.get()?);
    Ok(())
}
