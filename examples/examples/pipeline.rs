//! Three stages, a process each, and the halves of two queues between them: when the first stage is
//! done, the end flows through, without a marker.
//!
//! Each stage is given the halves that it needs, and the parent keeps none.

use std::error::Error;

use multiproc::queue::{Receiver, Sender};
use multiproc::{Process, Queue};

fn count(to: u64, numbers: Sender<u64>) {
    numbers.put_many(1..=to).expect("the next stage lives");
}

fn square(numbers: Receiver<u64>, squares: Sender<u64>) {
    for number in &numbers {
        let number = number.expect("an item is a number");
        squares.put(number * number).expect("the next stage lives");
    }
    println!("no more numbers");
}

fn sum(squares: Receiver<u64>) -> u64 {
    let sum = squares.iter().map(|square| square.expect("an item is a number")).sum();
    println!("no more squares");
    sum
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (to_square, numbers) = Queue::bounded(10)?.split();
    let (to_sum, squares) = Queue::bounded(10)?.split();
    let last = Process::new(sum, (squares,)).start()?;
    let middle = Process::new(square, (numbers, to_sum)).start()?;
    let first = Process::new(count, (100, to_square)).start()?;

    first.join()?;
    middle.join()?;
    println!("the squares up to 100² add up to {}", last.join()?);
    Ok(())
}
