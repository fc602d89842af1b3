//! Workers fill one array, each a part of its own, in place: nothing is copied and nothing sent back.
//!
//! The kernel knows who has borrowed what. Parts that overlap are an error, not a race.

use std::error::Error;

use multiproc::{Process, SharedSlice};

const WORKERS: usize = 4;

/// Which squares belong into the part, and where it begins.
fn fill(part: SharedSlice<u64>, first: usize) {
    let mut squares = part.write().expect("nobody else has this part");
    for (offset, square) in squares.iter_mut().enumerate() {
        *square = ((first + offset) as u64).pow(2);
    }
}

fn try_to_write(all: SharedSlice<u64>) -> String {
    match all.range(..10).and_then(|few| few.set(0, 7)) {
        Ok(()) => "written".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let squares = SharedSlice::with_len(1_000_000)?;
    let mut workers = Vec::new();
    let mut first = 0;
    for part in squares.split(WORKERS) {
        let len = part.len();
        workers.push(Process::new(fill, (part, first)).start()?);
        first += len;
    }
    for worker in workers {
        worker.join()?;
    }

    let all = squares.read()?;
    println!("{} squares, the last is {}", all.len(), all[all.len() - 1]);
    println!("in order: {}", all.is_sorted());
    let while_it_is_read = Process::new(try_to_write, (squares.clone(),)).start()?.join()?;
    println!("to write while it is read: {while_it_is_read}");
    drop(all);
    let afterwards = Process::new(try_to_write, (squares.clone(),)).start()?.join()?;
    println!("afterwards: {afterwards}");
    Ok(())
}
