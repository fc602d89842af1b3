//! How far a job is, counted while it runs.

use std::error::Error;
use std::thread;
use std::time::Duration;

use multiproc::{Executor, Pool};

fn develop(photo: u32) -> String {
    thread::sleep(Duration::from_millis(5));
    assert_ne!(photo, 13, "the film has torn");
    format!("photo {photo}")
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::with_workers(4)?;
    let photos = pool.map_async(develop, 0..100);

    // It can be cloned, and given to a thread that draws.
    let progress = photos.progress();
    while !photos.wait_timeout(Duration::from_millis(20)) {
        eprint!("\r{:3} of {} photos", progress.done(), progress.submitted());
    }
    eprintln!();

    println!("{} of {} are done", progress.done(), progress.submitted());
    println!("{} of them failed, and {} are left", progress.failed(), progress.pending());
    let good = photos.get_each().into_iter().flatten().count();
    println!("{good} photos are good");
    Ok(())
}
