//! A shop closes when every bun has been eaten, not when the last one has been taken.
//!
//! The eaters are daemons that wait for buns for ever; they end with the shop.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::{JoinableQueue, Process, Value};

fn eat(buns: JoinableQueue<String>, eaten: Value<u32>) {
    for bun in buns.iter() {
        let bun = bun.expect("a bun is a string");
        thread::sleep(Duration::from_millis(bun.len() as u64));
        eaten.update(|eaten| *eaten += 1).expect("nobody dies here");
        buns.task_done().expect("a bun was taken");
    }
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (buns, eaten) = (JoinableQueue::bounded(4)?, Value::new(0)?);
    for _ in 0..3 {
        Process::new(eat, (buns.clone(), eaten.clone())).daemon(true).start()?.detach();
    }
    for kind in ["plain", "raisin", "cinnamon", "poppy seed"] {
        for _ in 0..5 {
            buns.put(kind.to_string())?;
        }
        println!("five {kind} buns are on the counter");
    }
    buns.join()?;
    println!("{} buns are eaten, and {} are left", eaten.get()?, buns.unfinished());
    Ok(())
}
