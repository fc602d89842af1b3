//! A process has a pid, a name and a parent; it can be asked whether it lives, and be ended.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::{Process, current_process, parent_process};

/// Says who it is, and returns its pid and its parent's.
fn introduce() -> (u32, u32) {
    let (current, parent) = (current_process(), parent_process().expect("it has been started"));
    println!("in the child: I am {}, a child of {}", current.name(), parent.name());
    (current.pid(), parent.pid())
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let process = Process::new(introduce, ()).name("Ann").start()?;
    let (pid, name) = (process.pid(), process.name().to_owned());
    println!(
        "{name} and her parent agree on pids: {}",
        process.join()? == (pid, std::process::id())
    );

    let sleeper = Process::new(thread::sleep, (Duration::from_secs(60),)).start()?;
    println!(
        "{} is alive: {}, status: {:?}",
        sleeper.name(),
        sleeper.is_alive(),
        sleeper.exit_status()
    );
    sleeper.terminate()?;
    println!("{} ended with {}", sleeper.name(), sleeper.wait());
    println!("{} is alive: {}", sleeper.name(), sleeper.is_alive());
    println!("join: {}", sleeper.join().expect_err("it was terminated"));
    Ok(())
}
