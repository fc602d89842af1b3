//! A forked process has a copy of everything, so its closure may capture, even what cannot be sent.
//!
//! For other start methods a closure that captures is an error of the compiler. A process with more
//! than one thread cannot be forked.

use std::error::Error;
use std::rc::Rc;
use std::thread;

use multiproc::Process;

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let shared = Rc::new(vec![1, 2, 3]);
    let scale = |n: &i32| n * 10;

    let copy = shared.clone();
    let process = Process::from_closure(move || copy.iter().map(scale).sum::<i32>()).start()?;
    println!("the sum is {}, and the list is still here: {shared:?}", process.join()?);

    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = thread::spawn(move || stopped.recv());
    let refused = Process::from_closure(|| ()).start();
    println!("{}", refused.expect_err("there are two threads"));
    drop(stop);
    thread.join().expect("it does not panic").expect_err("the channel is closed");
    Ok(())
}
