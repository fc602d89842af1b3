//! A bar with four places: a bounded semaphore lets no fifth singer in, and a singer who is killed
//! gives the place back.

use std::error::Error;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use multiproc::{Barrier, BoundedSemaphore, JoinHandle, Latch, Process, RawArray};

const PLACES: u32 = 4;

/// How many are inside, and the most that have been.
const INSIDE: usize = 0;
const MOST: usize = 1;

/// Comes in, sings once four are there, and leaves.
fn sing(bar: BoundedSemaphore, four: Barrier, counts: RawArray<u32>) {
    let place = bar.acquire().expect("there are places");
    let counts = counts.as_atomics();
    let inside = counts[INSIDE].fetch_add(1, Relaxed) + 1;
    counts[MOST].fetch_max(inside, Relaxed);
    four.wait().expect("everybody sings on");
    counts[INSIDE].fetch_sub(1, Relaxed);
    drop(place);
}

/// Comes in and never leaves.
fn sing_for_ever(bar: BoundedSemaphore, seated: Latch) {
    let _place = bar.acquire().expect("there are places");
    seated.count_down(1).expect("four are awaited");
    thread::sleep(Duration::from_secs(3600));
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let bar = BoundedSemaphore::new(PLACES)?;
    let (four, counts) = (Barrier::new(PLACES)?, RawArray::with_len(2)?);
    let mut singers = Vec::new();
    for _ in 0..3 * PLACES {
        singers.push(Process::new(sing, (bar.clone(), four.clone(), counts.clone())).start()?);
    }
    let guests = singers.len();
    for singer in singers {
        singer.join()?;
    }
    println!("{guests} singers, and never more than {} inside", counts.to_vec()[MOST]);

    let seated = Latch::new(PLACES)?;
    let start = || Process::new(sing_for_ever, (bar.clone(), seated.clone())).daemon(true).start();
    let regulars: Vec<JoinHandle<()>> = (0..PLACES).map(|_| start()).collect::<Result<_, _>>()?;
    seated.wait();
    println!("a fifth one: {}", bar.try_acquire().expect_err("four sing for ever"));

    regulars[2].kill()?;
    let place = bar.acquire_timeout(Duration::from_secs(10))?;
    println!("one was ended by {}, and the fifth is in", regulars[2].wait());
    drop(place);
    println!("free places: {}", bar.value());
    Ok(())
}
