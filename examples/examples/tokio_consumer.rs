//! A queue as a stream in tokio: while one task waits for what another process puts, the others go on,
//! on the same thread.

use std::error::Error;

use multiproc::queue::{GetError, GetStream, Receiver, Sender};
use multiproc::{Process, Queue};
use tokio::runtime;
use tokio::task::yield_now;

fn square(numbers: Receiver<u64>, squares: Sender<u64>) {
    for number in &numbers {
        let number = number.expect("an item is a number");
        squares.put(number * number).expect("the parent takes them");
    }
}

async fn add(mut squares: GetStream<u64>) -> Result<u64, GetError> {
    let mut sum = 0;
    while let Some(square) = squares.next().await {
        sum += square?;
    }
    Ok(sum)
}

async fn program() -> Result<(), Box<dyn Error>> {
    // Two places each: nobody gets far unless all go on.
    let (to_square, numbers) = Queue::bounded(2)?.split();
    let (to_add, squares) = Queue::bounded(2)?.split();
    let process = Process::new(square, (numbers, to_add)).start()?;

    let sum = tokio::spawn(add(squares.stream()));
    let mut sink = to_square.sink();
    drop(to_square);
    for number in 1..=100 {
        sink.put(number).await?;
        yield_now().await;
    }
    println!("all numbers are on their way");
    drop(sink);
    println!("the squares add up to {}", sum.await??);
    process.await?;
    Ok(())
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    runtime::Builder::new_current_thread().build()?.block_on(program())
}
