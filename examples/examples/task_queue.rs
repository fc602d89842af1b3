//! Functions as items: workers take tasks from one queue, put results into another, and go home when
//! there has been nothing to do for a while.

use std::error::Error;
use std::time::Duration;

use multiproc::{Process, Queue, RemoteFn};

/// What to do to two numbers, and the numbers.
type Task = (RemoteFn<(i64, i64), i64>, i64, i64);

/// How long a worker waits for another task.
const PATIENCE: Duration = Duration::from_millis(300);

fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn multiply(a: i64, b: i64) -> i64 {
    a * b
}

fn work(tasks: Queue<Task>, results: Queue<String>) {
    while let Ok((function, a, b)) = tasks.get_timeout(PATIENCE) {
        let name = function.name().rsplit("::").next().unwrap_or("?").to_string();
        let result = function.call((a, b));
        results.put(format!("{name}({a}, {b}) = {result}")).expect("there is memory");
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (tasks, results) = (Queue::unbounded()?, Queue::unbounded()?);
    for number in 1..=3 {
        tasks.put((RemoteFn::new(add), number, 10))?;
        tasks.put((RemoteFn::new(multiply), number, 10))?;
    }
    let start = || Process::new(work, (tasks.clone(), results.clone())).start();
    let workers = [start()?, start()?];
    for worker in workers {
        worker.join()?;
    }
    // Two workers finish in any order.
    let mut results = results.get_many(6)?;
    results.sort();
    println!("{}", results.join("\n"));
    println!("both workers went home, and {} tasks are left", tasks.len());
    Ok(())
}
