//! A panic in a child is an error in its parent, with the message and the place.
//!
//! The usual report of the panic stands on standard error besides.

use std::error::Error;

use multiproc::{JoinError, Process};

fn element(list: Vec<i32>, index: usize) -> i32 {
    list[index]
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let process = Process::new(element, (vec![1, 2, 3], 3)).start()?;
    match process.join() {
        Err(JoinError::Panicked { message, location, .. }) => {
            println!("message: {message}");
            println!("location: {location}");
        }
        other => println!("unexpected: {other:?}"),
    }

    let process = Process::new(element, (vec![1, 2, 3], 2)).start()?;
    println!("the parent goes on: {}", process.join()?);
    Ok(())
}
