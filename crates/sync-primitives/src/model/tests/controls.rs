//! What must be found: the models are blind if these pass. loom aborts at a deadlock, so each runs in
//! a process of its own.

use std::process::{Command, Stdio};

use super::kill_first;
use crate::deadline::Deadline;
use crate::model::{explore, mortal};
use crate::platform::{self, AtomicU32, Ordering};

use Ordering::{Acquire, Release};

/// Runs a test that is ignored otherwise, and makes sure that it fails.
fn is_caught(name: &str) {
    let this = std::env::current_exe().expect("a test knows its program");
    let status = Command::new(this)
        .args(["--ignored", "--exact", &format!("model::tests::controls::{name}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(!status.expect("it can be run").success(), "the hole in `{name}` was not found");
}

/// An event without a vigil: who dies between the store and the wake-up strands the sleeper.
struct Naive(AtomicU32);

impl Naive {
    fn set(&self) {
        self.0.store(1, Release);
        platform::wake(&self.0, u32::MAX);
    }

    fn set_if_alive(&self) {
        // The other one that could wake the sleeper sees the flag up, and does nothing.
        if self.0.load(Acquire) == 0 {
            self.set();
        }
    }

    fn wait(&self) {
        while self.0.load(Acquire) == 0 {
            platform::wait(&self.0, 0, Deadline::NEVER);
        }
    }
}

#[test]
#[ignore = "fails on purpose"]
fn naive_event() {
    kill_first(
        || Naive(AtomicU32::new(0)),
        &[Naive::set, Naive::set_if_alive, Naive::wait],
        |_| (),
    );
}

#[test]
fn a_setter_without_a_vigil_is_caught() {
    is_caught("naive_event");
}

/// A lock that nobody gives back.
fn lock(word: &AtomicU32) {
    while word.compare_exchange(0, 1, Acquire, Acquire).is_err() {
        platform::wait(word, 1, Deadline::NEVER);
    }
    word.store(0, Release);
    platform::wake(word, 1);
}

#[test]
#[ignore = "fails on purpose"]
fn naive_lock() {
    kill_first(|| AtomicU32::new(0), &[lock, lock], |_| ());
}

#[test]
fn a_lock_that_dies_with_its_holder_is_caught() {
    is_caught("naive_lock");
}

/// Models run in threads of one process. A flag that all of them shared once ended some too early, and
/// what comes after was not explored.
#[test]
fn a_model_dies_at_every_step_while_another_is_explored() {
    let steps = explore(None, |lifetime| {
        let word = AtomicU32::new(0);
        mortal(lifetime, || (0..3).for_each(|number| word.store(number, Release)));
        let other = std::thread::spawn(|| explore(None, |_| ()));
        assert_eq!(other.join().expect("nothing is wrong with it"), 0);
    });
    assert_eq!(steps, 3);
}
