//! What the tests stand on: a test per executor of each body, and what bodies and their tasks use to
//! wait for each other, in whatever process a task runs.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use procspawn_core::catch_panic;
use serde::{Deserialize, Serialize};
use sync_primitives::handles::{Event, Semaphore};

/// How long anything may take that happens soon unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a whole body may take.
const HANG: Duration = Duration::from_secs(60);
/// For what must not happen in a moment: too short a moment hides a fault, but reports none.
pub(crate) const MOMENT: Duration = Duration::from_millis(20);

/// The test of a body for one executor, which has at least two workers unless it is serial.
macro_rules! one_test {
    (serial $body:ident) => {
        #[test]
        fn serial() {
            crate::support::in_time(|| super::$body(&pool::SerialPool::new()));
        }
    };
    (threads $body:ident) => {
        #[test]
        fn threads() {
            crate::support::in_time(|| {
                super::$body(&pool::ThreadPool::with_workers(2).unwrap());
            });
        }
    };
    (processes $body:ident) => {
        #[test]
        fn processes() {
            crate::support::in_time(|| super::$body(&pool::Pool::with_workers(2).unwrap()));
        }
    };
}

/// Makes a module per body with a test for each executor.
macro_rules! each_executor {
    ($($body:ident),* $(,)?) => {$(
        mod $body {
            crate::support::one_test! { serial $body }
            crate::support::one_test! { threads $body }
            crate::support::one_test! { processes $body }
        }
    )*};
}

/// The same for those executors that run tasks beside the one who gives them.
macro_rules! each_concurrent {
    ($($body:ident),* $(,)?) => {$(
        mod $body {
            crate::support::one_test! { threads $body }
            crate::support::one_test! { processes $body }
        }
    )*};
}

/// The same for those that encode arguments and values.
macro_rules! each_encoding {
    ($($body:ident),* $(,)?) => {$(
        mod $body {
            crate::support::one_test! { serial $body }
            crate::support::one_test! { processes $body }
        }
    )*};
}

pub(crate) use {each_concurrent, each_encoding, each_executor, one_test};

/// Runs a body, and fails if it does not come to its end.
#[track_caller]
pub(crate) fn in_time(body: impl FnOnce() + Send + 'static) {
    let (done, end) = mpsc::channel();
    let run = move || done.send(catch_panic(body)).unwrap_or_default();
    let name = std::thread::current().name().unwrap_or("body").to_string();
    let thread = std::thread::Builder::new().name(name).spawn(run).unwrap();
    match end.recv_timeout(HANG) {
        Ok(Ok(())) => thread.join().unwrap(),
        Ok(Err(panic)) => panic!("{}\n at {}", panic.message, panic.location),
        Err(_) => panic!("it hangs: not done after {HANG:?}"),
    }
}

/// Where a task and the body wait for each other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Gate {
    /// Counts the tasks that have come.
    arrived: Semaphore,
    open: Event,
}

impl Gate {
    pub(crate) fn new() -> Gate {
        Gate { arrived: Semaphore::new(0).unwrap(), open: Event::new().unwrap() }
    }

    /// Lets tasks through, from now on.
    pub(crate) fn open(&self) {
        self.open.set();
    }

    /// Waits until another task has come.
    #[track_caller]
    pub(crate) fn await_task(&self) {
        assert!(self.arrived.acquire_timeout(PATIENCE), "no task comes");
    }

    /// How many tasks have come that nobody waited for.
    pub(crate) fn arrived(&self) -> u32 {
        self.arrived.value()
    }

    /// In a task: comes, and goes on when it may.
    pub(crate) fn pass(&self) {
        self.arrived.release().unwrap();
        assert!(self.open.wait_timeout(PATIENCE), "the gate stays shut");
    }

    /// In a task: comes, and stays until it is asked to stop, or the gate opens: whether it was asked.
    pub(crate) fn stay(&self) -> bool {
        self.arrived.release().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && !self.open.wait_timeout(Duration::from_millis(1)) {
            if pool::should_stop() {
                return true;
            }
        }
        false
    }
}

/// A task that comes to a gate, and returns its number when it may.
pub(crate) fn pass(gate: Gate, number: u32) -> u32 {
    gate.pass();
    number
}

/// A task that says whether it was asked to stop.
pub(crate) fn stay(gate: Gate) -> bool {
    gate.stay()
}

pub(crate) fn double(x: u32) -> u32 {
    2 * x
}

pub(crate) fn fail() {
    panic!("on purpose");
}

/// Fails for one argument.
pub(crate) fn dislike_seven(x: u32) -> u32 {
    assert!(x != 7, "not {x}");
    x
}
