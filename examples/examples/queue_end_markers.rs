//! A queue that all hold for both putting and taking has no end of its own, so the items tell it: an
//! end marker for each consumer, once all producers are done.
//!
//! The `pipeline` example does without markers.

use std::error::Error;

use multiproc::{Process, Queue};

/// A number to be added, or `None`: there are no more.
type Item = Option<u64>;

fn produce(numbers: Queue<Item>, from: u64, to: u64) {
    for number in from..=to {
        numbers.put(Some(number)).expect("there are consumers");
    }
}

/// Produces, and knows that it is the only one.
fn produce_all(numbers: Queue<Item>, to: u64) {
    produce(numbers.clone(), 1, to);
    numbers.put(None).expect("there is a consumer");
}

fn add(numbers: Queue<Item>) -> u64 {
    let mut sum = 0;
    while let Some(number) = numbers.get().expect("every item is a number or a marker") {
        sum += number;
    }
    sum
}

fn one_of_each() -> Result<u64, Box<dyn Error>> {
    let numbers = Queue::bounded(10)?;
    let producer = Process::new(produce_all, (numbers.clone(), 100)).start()?;
    let sum = Process::new(add, (numbers,)).start()?.join()?;
    producer.join()?;
    Ok(sum)
}

/// Only who knows of all producers knows when the last one is done.
fn several_of_each() -> Result<u64, Box<dyn Error>> {
    let numbers = Queue::bounded(10)?;
    let (mut producers, mut consumers) = (Vec::new(), Vec::new());
    for (from, to) in [(1, 30), (31, 100)] {
        producers.push(Process::new(produce, (numbers.clone(), from, to)).start()?);
    }
    for _ in 0..3 {
        consumers.push(Process::new(add, (numbers.clone(),)).start()?);
    }
    for producer in producers {
        producer.join()?;
    }
    for _ in &consumers {
        numbers.put(None)?;
    }
    let mut sum = 0;
    for consumer in consumers {
        sum += consumer.join()?;
    }
    Ok(sum)
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    println!("one producer, one consumer: the numbers up to 100 add up to {}", one_of_each()?);
    println!(
        "two producers, three consumers: the numbers up to 100 add up to {}",
        several_of_each()?
    );
    Ok(())
}
