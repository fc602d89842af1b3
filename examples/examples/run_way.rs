//! The second way to say what a process does: a type with state, and what it does with it.

use std::collections::BTreeMap;
use std::error::Error;

use multiproc::{Process, Run, Sender, pipe};
use serde::{Deserialize, Serialize};

/// Counts words and tells how far it is.
#[derive(Serialize, Deserialize)]
struct WordCount {
    text: String,
    progress: Sender<usize>,
}

impl Run for WordCount {
    type Output = BTreeMap<String, u32>;

    fn run(mut self) -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        for (number, line) in self.text.lines().enumerate() {
            for word in line.split_whitespace() {
                *counts.entry(word.to_lowercase()).or_default() += 1;
            }
            self.progress.send(&(number + 1)).expect("the parent reads");
        }
        counts
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let text = "A rose is a rose\nis a rose\n".to_owned();
    let (progress, sender) = pipe()?;

    let process = Process::of(WordCount { text, progress: sender }).start()?;
    for line in progress {
        println!("line {} is done", line?);
    }
    println!("{:?}", process.join()?);
    Ok(())
}
