//! One wait for many things: two connections, and the end of a process.

use std::error::Error;
use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use multiproc::connection::wait;
use multiproc::{Child, Connection, Process, duplex};

/// Repeats what it hears, until there is nothing to hear.
fn echo(mut connection: Connection<String>) {
    while let Ok(word) = connection.recv() {
        connection.send(&format!("{word}, {word}")).expect("the parent reads");
    }
}

/// Waits until at least one is ready, and names all that are.
fn ready(
    left: &Connection<String>,
    right: &Connection<String>,
    sleeper: &Child,
) -> io::Result<Vec<&'static str>> {
    let names = ["left", "right", "the end of the sleeper"];
    let ready = wait(&[left.as_fd(), right.as_fd(), sleeper.sentinel()], None)?;
    Ok(ready.into_iter().map(|index| names[index]).collect())
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut left, there) = duplex()?;
    Process::new(echo, (there,)).start()?.detach();
    let (mut right, there) = duplex()?;
    Process::new(echo, (there,)).start()?.detach();
    let sleeper = Process::new(thread::sleep, (Duration::from_secs(3600),)).start()?;

    right.send(&"one".to_owned())?;
    println!("ready: {:?}", ready(&left, &right, &sleeper)?);
    println!("right says: {}", right.recv()?);

    left.send(&"two".to_owned())?;
    println!("ready: {:?}", ready(&left, &right, &sleeper)?);
    println!("left says: {}", left.recv()?);

    sleeper.kill()?;
    println!("ready: {:?}", ready(&left, &right, &sleeper)?);
    println!("the sleeper ended with {}", sleeper.wait());
    Ok(())
}
