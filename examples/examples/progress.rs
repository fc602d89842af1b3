//! A parent watches how far its children are, and ends the one that has stopped to make progress.
//!
//! State and progress lie in one value under one lock, so that they always belong together. It is
//! read with a timeout: a child that is stopped while it holds the lock must not stop its parent.

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use multiproc::{JoinHandle, LockError, Process, Shareable, Value};

const WORKING: u32 = 0;
const DONE: u32 = 1;

/// How long a child may make no progress.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Shareable)]
#[repr(C)]
struct Status {
    state: u32,
    percent: u32,
}

/// Works in steps, and is held up for ever at one of them.
fn work(status: Value<Status>, obstacle: u32) {
    for percent in (0..=100).step_by(10) {
        status.update(|status| status.percent = percent).expect("the parent lives");
        let step = if percent == obstacle { 3_600_000 } else { 10 };
        thread::sleep(Duration::from_millis(step));
    }
    status.update(|status| status.state = DONE).expect("the parent lives");
}

/// Waits for the end of the work or of the patience.
fn watch(process: &JoinHandle<()>, status: &Value<Status>) -> Result<Status, Box<dyn Error>> {
    let (mut last, mut since) = (status.get()?, Instant::now());
    loop {
        let now = match status.lock_timeout(PATIENCE) {
            Ok(status) => *status,
            Err(LockError::TimedOut) => last,
            Err(error) => return Err(error.into()),
        };
        if now != last {
            (last, since) = (now, Instant::now());
        }
        if now.state == DONE {
            return Ok(now);
        }
        if since.elapsed() > PATIENCE {
            process.terminate()?;
            return Ok(now);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    for (name, obstacle) in [("the first", 1000), ("the second", 30)] {
        let status = Value::new(Status { state: WORKING, percent: 0 })?;
        let process = Process::new(work, (status.clone(), obstacle)).start()?;
        let last = watch(&process, &status)?;
        println!("{name} came to {} % and ended with {}", last.percent, process.wait());
    }
    Ok(())
}
