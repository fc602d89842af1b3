//! A bar in the terminal that follows a job.

use std::error::Error;
use std::thread;
use std::time::Duration;

use indicatif::ProgressBar;
use multiproc::{Executor, Pool};

fn develop(photo: u32) -> u32 {
    thread::sleep(Duration::from_millis(2));
    photo
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    // Ctrl-C ends the pool, and what it still had to do is an error; a second one ends the program.
    let pool = Pool::builder().workers(4).stop_on_interrupt().build()?;
    let photos = pool.map_async(develop, 0..200);

    let bar = ProgressBar::new(200);
    let moving = photos.progress().drive(bar.clone())?;
    let developed = photos.get()?;
    drop(moving);
    bar.finish();

    println!("{} photos, and the bar is at {}", developed.len(), bar.position());
    Ok(())
}
