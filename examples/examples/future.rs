//! A handle is a future of the process's value, for any runtime; here for one of ten lines.

use std::error::Error;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use multiproc::{JoinError, JoinHandle, Process};

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn nap(time: Duration) -> String {
    thread::sleep(time);
    format!("slept {time:?}")
}

/// What comes of the process that ends first, and the one that still runs.
async fn race(
    mut one: JoinHandle<String>,
    mut other: JoinHandle<String>,
) -> (Result<String, JoinError>, JoinHandle<String>) {
    let (result, other_is_left) = poll_fn(|context| match pin!(&mut one).poll(context) {
        Poll::Ready(result) => Poll::Ready((result, true)),
        Poll::Pending => pin!(&mut other).poll(context).map(|result| (result, false)),
    })
    .await;
    (result, if other_is_left { other } else { one })
}

async fn program() -> Result<(), Box<dyn Error>> {
    let short = Process::new(nap, (Duration::from_millis(100),)).start()?;
    let long = Process::new(nap, (Duration::from_secs(3600),)).start()?;

    let (first, second) = race(long, short).await;
    println!("first: {}", first?);
    second.kill()?;
    println!("second: {}", second.await.expect_err("it was killed"));
    Ok(())
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    block_on(program())
}
