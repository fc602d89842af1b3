//! One wait for two queues, a connection and the end of a process.

use std::error::Error;
use std::io;
use std::thread;
use std::time::Duration;

use multiproc::queue::{Source, wait};
use multiproc::{Child, Connection, Process, Queue, duplex};

/// Repeats what it hears, until there is nothing to hear.
fn echo(mut connection: Connection<String>) {
    while let Ok(word) = connection.recv() {
        connection.send(&format!("{word}, {word}")).expect("the parent reads");
    }
}

/// Waits until at least one is ready, and names all that are.
fn ready(
    urgent: &Queue<String>,
    usual: &Queue<String>,
    echoes: &Connection<String>,
    sleeper: &Child,
) -> io::Result<Vec<&'static str>> {
    let names = ["urgent", "usual", "echoes", "the end of the sleeper"];
    let sources =
        [Source::queue(urgent), Source::queue(usual), Source::fd(echoes), Source::fd(sleeper)];
    let ready = wait(&sources, None)?;
    Ok(ready.into_iter().map(|index| names[index]).collect())
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (urgent, usual) = (Queue::bounded(10)?, Queue::bounded(10)?);
    let (mut echoes, there) = duplex()?;
    Process::new(echo, (there,)).start()?.detach();
    let sleeper = Process::new(thread::sleep, (Duration::from_secs(3600),)).start()?;

    usual.put("sweep the floor".to_owned())?;
    println!("ready: {:?}", ready(&urgent, &usual, &echoes, &sleeper)?);
    urgent.put("put out the fire".to_owned())?;
    println!("ready: {:?}", ready(&urgent, &usual, &echoes, &sleeper)?);
    println!("first {}, then {}", urgent.try_get()?, usual.try_get()?);

    echoes.send(&"hello".to_owned())?;
    println!("ready: {:?}", ready(&urgent, &usual, &echoes, &sleeper)?);
    println!("the echo says: {}", echoes.recv()?);

    sleeper.kill()?;
    println!("ready: {:?}", ready(&urgent, &usual, &echoes, &sleeper)?);
    println!("the sleeper ended with {}", sleeper.wait());
    Ok(())
}
