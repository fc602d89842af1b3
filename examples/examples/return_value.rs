//! What a function returns comes back through `join`: anything that serde can take apart.

use std::error::Error;

use multiproc::Process;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Summary {
    smallest: f64,
    largest: f64,
    mean: f64,
}

fn summarize(numbers: Vec<f64>) -> Option<Summary> {
    let smallest = numbers.iter().copied().reduce(f64::min)?;
    let largest = numbers.iter().copied().reduce(f64::max)?;
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    Some(Summary { smallest, largest, mean })
}

/// A `Result` is a value like any other.
fn parse(text: String) -> Result<u32, String> {
    text.parse().map_err(|error| format!("{text:?}: {error}"))
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    println!("{:?}", Process::new(summarize, (vec![2.0, 3.5, 0.5],)).start()?.join()?);
    println!("{:?}", Process::new(summarize, (vec![],)).start()?.join()?);
    println!("{:?}", Process::new(parse, ("42".to_owned(),)).start()?.join()?);
    println!("{:?}", Process::new(parse, ("many".to_owned(),)).start()?.join()?);
    Ok(())
}
