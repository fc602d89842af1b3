//! A function can be a part of a message: the receiver calls what the sender has named.

use std::error::Error;

use multiproc::{Connection, Process, RemoteFn, duplex};

/// What to do to a number, and the number.
type Task = (RemoteFn<(i64,), i64>, i64);

fn double(n: i64) -> i64 {
    2 * n
}

fn negate(n: i64) -> i64 {
    -n
}

fn work(mut tasks: Connection<i64, Task>) {
    while let Ok((function, number)) = tasks.recv() {
        tasks.send(&function.call((number,))).expect("the parent reads");
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut tasks, there) = duplex::<Task, i64>()?;
    let worker = Process::new(work, (there,)).start()?;

    for function in [RemoteFn::new(double), RemoteFn::new(negate), RemoteFn::new(|n| n + 100)] {
        tasks.send(&(function, 21))?;
        println!("{} makes {} of 21", function.name(), tasks.recv()?);
    }
    drop(tasks);
    worker.join()?;
    Ok(())
}
