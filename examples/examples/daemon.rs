//! A daemon ends with its parent, however that ends; any other child is waited for.
//!
//! The parent to be looked at is a child itself, so that the program is still there afterwards. The
//! daemon holds one end of a pipe: the other end sees when it is gone.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::{Process, Receiver, RecvError, Sender, pipe};

fn wait_for_ever(mut held: Sender<()>) {
    held.send(&()).expect("the program reads");
    thread::sleep(Duration::from_secs(3600));
}

fn work() {
    thread::sleep(Duration::from_millis(200));
    println!("the worker has done its work");
}

/// Starts a daemon that holds the end of a pipe.
fn start_daemon(held: Sender<()>) {
    Process::new(wait_for_ever, (held,)).daemon(true).start().expect("it starts").detach();
}

/// A parent that returns at once and joins nobody.
fn leave(held: Sender<()>) {
    println!("the first parent starts a daemon and a worker, and returns");
    start_daemon(held);
    Process::new(work, ()).start().expect("it starts").detach();
}

/// A parent that stays until it is killed.
fn stay(held: Sender<()>) {
    println!("the second parent starts a daemon, and stays");
    start_daemon(held);
    thread::sleep(Duration::from_secs(3600));
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut daemon, held) = pipe()?;
    Process::new(leave, (held,)).start()?.join()?;
    println!("the first parent has ended");
    println!("its daemon has ended: {}", has_ended(&mut daemon));

    let (mut daemon, held) = pipe()?;
    let parent = Process::new(stay, (held,)).start()?;
    daemon.recv()?;
    parent.kill()?;
    println!("the second parent has ended with {}", parent.wait());
    println!("its daemon has ended: {}", has_ended(&mut daemon));
    Ok(())
}

/// True once nobody holds the other end, which may take a moment.
fn has_ended(daemon: &mut Receiver<()>) -> bool {
    loop {
        match daemon.recv_timeout(Duration::from_secs(5)) {
            Ok(()) => {}
            Err(error) => return matches!(error, RecvError::Disconnected),
        }
    }
}
