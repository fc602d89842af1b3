//! Functions of this process that are called with what comes of a task, as soon as that has ended.
//!
//! They run one at a time, in a thread that the pool has for them.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use multiproc::{Executor, Pool};

fn divide(dividend: u32, divisor: u32) -> u32 {
    dividend / divisor
}

/// Lines that callbacks have written, and whose order is the order in which tasks have ended.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn sorted(&self) -> String {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lines.sort();
        lines.join("\n")
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(2)?;

    let log = Log::default();
    for divisor in 0..4 {
        let (values, errors) = (log.clone(), log.clone());
        let value = move |value| values.add(format!("12 / {divisor} = {value}"));
        let error = move |error| errors.add(format!("12 / {divisor}: {error}"));
        // The handle is of no use here: the callbacks run without it.
        drop(pool.apply_async(divide, (12, divisor), value, error));
    }

    // What a callback returns has a handle as well.
    let answer = pool.submit(divide, (84, 2)).then(|quotient| quotient.unwrap_or(0) + 1);
    println!("84 / 2 + 1 = {}", answer.get()?);

    // After this all callbacks have run.
    pool.close();
    pool.join();
    println!("{}", log.sorted());
    Ok(())
}
