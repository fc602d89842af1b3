//! Three clerks and one ticket: without a lock all of them sell it, with one only the first does.
//!
//! To look and to sell are two steps. The clerks meet between them, at a barrier, so that the race
//! is lost every time and not once in a thousand. Under the lock they cannot meet there: the
//! first waits in vain, and sells alone.

use std::error::Error;
use std::time::Duration;

use multiproc::{Barrier, Lock, Process, RawValue};

const CLERKS: u32 = 3;

/// Tells whether this clerk has sold a ticket.
fn sell(tickets: RawValue<u32>, lock: Option<Lock>, opening: Barrier, between: Barrier) -> bool {
    opening.wait().expect("all clerks come to work");
    let guard = lock.as_ref().map(|lock| lock.lock().expect("its holder lives"));
    let left = tickets.get();
    // Either all have looked and nobody has sold, or the time is up.
    let _ = between.wait_timeout(Duration::from_secs(1));
    if left > 0 {
        tickets.set(left - 1);
    }
    drop(guard);
    left > 0
}

fn sold(lock: Option<Lock>) -> Result<usize, Box<dyn Error>> {
    let tickets = RawValue::new(1)?;
    let (opening, between) = (Barrier::new(CLERKS)?, Barrier::new(CLERKS)?);
    let mut clerks = Vec::new();
    for _ in 0..CLERKS {
        let arguments = (tickets.clone(), lock.clone(), opening.clone(), between.clone());
        clerks.push(Process::new(sell, arguments).start()?);
    }
    let mut sold = 0;
    for clerk in clerks {
        sold += usize::from(clerk.join()?);
    }
    Ok(sold)
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    println!("without a lock: 1 ticket, sold {} times", sold(None)?);
    println!("with a lock: 1 ticket, sold {} time", sold(Some(Lock::new()?))?);
    Ok(())
}
