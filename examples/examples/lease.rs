//! A worker is killed in the middle of a task, and another does it: tasks are leased, and come back
//! unless they are acknowledged.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::queue::Receiver;
use multiproc::{Event, Process, Queue};

/// Takes a task and never gets it done.
fn dawdle(tasks: Receiver<String>, taken: Event) {
    let _task = tasks.get_leased().expect("there are tasks");
    taken.set();
    thread::sleep(Duration::from_secs(3600));
}

fn work(tasks: Receiver<String>) {
    while let Ok(task) = tasks.get_leased() {
        println!("{} (given out {} times)", *task, task.deliveries());
        task.acknowledge();
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (to_do, tasks) = Queue::unbounded()?.split();
    to_do.put_many(["wash up", "dry up", "put away"].map(String::from))?;

    let taken = Event::new()?;
    let dawdler = Process::new(dawdle, (tasks.clone(), taken.clone())).start()?;
    taken.wait();
    println!("one task is taken, and {} are left", tasks.len());
    dawdler.kill()?;
    println!("the first worker ended with {}; now {} are left", dawdler.wait(), tasks.len());

    drop(to_do);
    Process::new(work, (tasks,)).start()?.join()?;
    Ok(())
}
