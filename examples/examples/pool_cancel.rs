//! Tasks that nobody wants any more: one that waits, and one that runs.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::pool::{Running, should_stop};
use multiproc::{Event, Executor, Pool};

fn bake(what: String) -> String {
    format!("a baked {what}")
}

/// Never ends by itself.
fn work(begun: Event) {
    begun.set();
    thread::sleep(Duration::from_secs(3600));
}

/// Ends when it is asked to, and tells what it has come to.
fn work_until_asked(begun: Event) -> String {
    begun.set();
    while !should_stop() {
        thread::sleep(Duration::from_millis(1));
    }
    "half of it".to_owned()
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(1)?;
    let begun = Event::new()?;

    let running = pool.submit(work, (begun.clone(),));
    begun.wait();
    let queued = pool.submit(bake, ("bun".to_owned(),));
    println!("one is {:?}, the other {:?}", running.state(), queued.state());

    // One that has not begun never will.
    println!("cancelled: {}", queued.cancel());
    println!("the other: {}", queued.get().expect_err("it was cancelled"));

    // For one that runs, the worker is killed and replaced.
    println!("cancelled: {}", running.cancel());
    println!("the one: {}", running.get().expect_err("it was cancelled"));

    // That may cost more than it saves: a task can be asked instead.
    begun.clear();
    let asked = pool.submit(work_until_asked, (begun.clone(),));
    begun.wait();
    asked.cancel_with(Running::Ask);
    println!("asked to stop: {}", asked.get()?);

    // One that has ended cannot be cancelled.
    let done = pool.submit(bake, ("bun".to_owned(),));
    done.wait();
    println!("cancelled: {}, it is {:?}", done.cancel(), done.state());
    Ok(())
}
