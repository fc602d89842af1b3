//! A parallel map made by hand: one connection for each worker, an item for whoever is free.

use std::error::Error;

use multiproc::connection::wait;
use multiproc::{Connection, Function, Process, RemoteFn, cpu_count, duplex};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Answers each item with its result, until there are no more.
fn work<T, R>(function: RemoteFn<(T,), R>, mut items: Connection<(usize, R), (usize, T)>)
where
    T: DeserializeOwned + 'static,
    R: Serialize + 'static,
{
    while let Ok((index, item)) = items.recv() {
        items.send(&(index, function.call((item,)))).expect("the parent reads");
    }
}

/// Applies `function` to all `items` in `workers` processes, and keeps their order.
fn parmap<T, R>(
    function: impl Function<(T,), Output = R>,
    items: Vec<T>,
    workers: usize,
) -> Result<Vec<R>, Box<dyn Error>>
where
    T: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    let function = RemoteFn::new(function);
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let mut items = items.into_iter().enumerate();

    let mut workers_here = Vec::new();
    for next in items.by_ref().take(workers) {
        let (mut here, there) = duplex()?;
        Process::new(work, (function, there)).daemon(true).start()?.detach();
        here.send(&next)?;
        workers_here.push(here);
    }
    while results.iter().any(Option::is_none) {
        for ready in wait(&workers_here, None)? {
            let (index, result) = workers_here[ready].recv()?;
            results[index] = Some(result);
            if let Some(next) = items.next() {
                workers_here[ready].send(&next)?;
            }
        }
    }
    Ok(results.into_iter().flatten().collect())
}

fn collatz_steps(start: u64) -> u32 {
    let next = |n: &u64| (*n != 1).then(|| if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 });
    std::iter::successors(Some(start), next).skip(1).map(|_| 1).sum()
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let starts: Vec<u64> = (1..=1000).collect();
    let in_one: Vec<u32> = starts.iter().map(|start| collatz_steps(*start)).collect();
    let in_many = parmap(collatz_steps, starts, cpu_count().max(2))?;

    println!("the first ten: {:?}", &in_many[..10]);
    println!("the same as in one process: {}", in_many == in_one);
    Ok(())
}
