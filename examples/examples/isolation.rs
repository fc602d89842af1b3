//! Processes share no memory: what a child does to a global stays in the child.
//!
//! An executed child starts with the global as the program has it. A forked one starts with a copy
//! of what its parent had at that moment, and goes its own way from there.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use multiproc::{Process, StartMethod};

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Adds one, and returns what was there before and what is there now.
fn count() -> (u32, u32) {
    (COUNTER.fetch_add(1, Relaxed), COUNTER.load(Relaxed))
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    COUNTER.store(10, Relaxed);
    for method in StartMethod::ALL {
        let (before, after) = Process::new(count, ()).start_method(method).start()?.join()?;
        println!("{method}: {before} became {after} there, {} it is here", COUNTER.load(Relaxed));
    }
    Ok(())
}
