//! A process is killed in the middle of a change: the next one is told, and sets it right.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::{Event, LockError, Process, Shareable, Value};

/// Two accounts, between which money moves and none comes or goes.
#[derive(Debug, Shareable)]
#[repr(C)]
struct Accounts {
    savings: i64,
    purse: i64,
    total: i64,
}

fn take_from_savings(accounts: Value<Accounts>, halfway: Event) {
    let mut accounts = accounts.lock().expect("nobody has died yet");
    accounts.savings -= 30;
    halfway.set();
    thread::sleep(Duration::from_secs(3600));
    accounts.purse += 30;
}

fn spend(accounts: Value<Accounts>) -> String {
    let put_in_order = |accounts: &mut Accounts| {
        println!("in the child: repairing {accounts:?}");
        accounts.purse = accounts.total - accounts.savings;
    };
    let mut accounts = accounts.lock_or_repair(put_in_order).expect("there is a lock");
    accounts.purse -= 10;
    accounts.total -= 10;
    format!("{accounts:?}")
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let accounts = Value::new(Accounts { savings: 100, purse: 0, total: 100 })?;
    let halfway = Event::new()?;

    let victim = Process::new(take_from_savings, (accounts.clone(), halfway.clone())).start()?;
    halfway.wait();
    println!("while it is held: {}", accounts.try_lock().map(drop).unwrap_err());
    victim.kill()?;
    println!("the holder was ended by {}", victim.wait());

    match accounts.lock() {
        // The guard is dropped with the error: this process does not know what to do.
        Err(error @ LockError::OwnerDied(_)) => println!("now: {error}"),
        other => println!("now: {other:?}"),
    }
    println!("repaired: {}", Process::new(spend, (accounts.clone(),)).start()?.join()?);
    println!("from now on: {:?}", accounts.lock()?);
    Ok(())
}
