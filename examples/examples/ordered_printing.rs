//! Processes print by turns: each waits on a condition until the next line is its own.

use std::error::Error;

use multiproc::{Condition, Process, RawValue};

const PROCESSES: u32 = 3;
const LINES: u32 = 9;

fn print_by_turns(number: u32, next: RawValue<u32>, turn: Condition) {
    for line in (number..LINES).step_by(PROCESSES as usize) {
        let guard = turn.lock().expect("its holder lives");
        let guard = turn.wait_while(guard, || next.get() != line).expect("its holder lives");
        println!("line {line} comes from process {number}");
        next.set(line + 1);
        drop(guard);
        turn.notify_all();
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (next, turn) = (RawValue::new(0)?, Condition::new()?);
    let mut processes = Vec::new();
    // The last one starts first, and has to wait.
    for number in (0..PROCESSES).rev() {
        processes.push(Process::new(print_by_turns, (number, next.clone(), turn.clone())).start()?);
    }
    for process in processes {
        process.join()?;
    }
    println!("{} lines have been printed", next.get());
    Ok(())
}
