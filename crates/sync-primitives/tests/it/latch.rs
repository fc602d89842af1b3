//! A gate that opens once.

use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::handles::Latch as Handle;
use sync_primitives::{Latch, TooManyReleases};

use crate::support::{Child, Turn, each_method, past, run};

each_method! { works_between_processes, a_killed_waiter, a_stopped_waiter, as_a_field }

#[test]
fn smoke() {
    let latch = Latch::new(3).unwrap();
    latch.count_down(1).unwrap();
    assert_eq!((latch.count(), latch.try_wait()), (2, false));
    latch.count_down(2).unwrap();
    assert!(latch.try_wait());
    latch.wait();
}

#[test]
fn forms() {
    let latch = Latch::new(1).unwrap();
    assert!(!latch.wait_timeout(Duration::from_millis(5)));
    assert!(!latch.wait_timeout(Duration::ZERO) && !latch.wait_deadline(past()));
    latch.count_down(1).unwrap();
    assert!(latch.wait_timeout(Duration::MAX) && latch.wait_deadline(past()));
}

#[test]
fn bad_counts() {
    assert!(Latch::new(Latch::MAX + 1).is_err() && Handle::new(u32::MAX).is_err());
    assert!(Latch::new(0).unwrap().try_wait());
    let latch = Latch::new(2).unwrap();
    assert_eq!(latch.count_down(3), Err(TooManyReleases));
    assert_eq!(latch.count_down(u32::MAX), Err(TooManyReleases));
    assert_eq!(latch.count(), 2);
    latch.count_down(0).unwrap();
    latch.count_down(2).unwrap();
    assert_eq!(latch.count_down(1), Err(TooManyReleases));
    latch.count_down(0).unwrap();
}

#[test]
fn debug() {
    assert_eq!(format!("{:?}", Latch::new(2).unwrap()), "Latch { count: 2, .. }");
}

fn waits(latch: Handle, mut turn: Turn) {
    turn.ready();
    latch.wait();
}

fn waiters(method: StartMethod, latch: &Handle) -> Vec<Child<()>> {
    let mut waiters: Vec<_> = (0..3).map(|_| Child::start(method, latch, waits)).collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    waiters
}

fn works_between_processes(method: StartMethod) {
    let latch = Handle::new(2).unwrap();
    let mut waiters = waiters(method, &latch);
    latch.count_down(1).unwrap();
    waiters.iter().for_each(Child::assert_asleep);
    run(method, |latch: Handle| latch.count_down(1).unwrap(), (latch.clone(),));
    waiters.iter_mut().for_each(Child::join);
}

fn a_killed_waiter(method: StartMethod) {
    for dies in 0..3 {
        let latch = Handle::new(1).unwrap();
        let mut waiters = waiters(method, &latch);
        waiters.remove(dies).kill();
        latch.count_down(1).unwrap();
        waiters.iter_mut().for_each(Child::join);
    }
}

fn a_stopped_waiter(method: StartMethod) {
    let latch = Handle::new(1).unwrap();
    let mut waiters = waiters(method, &latch);
    waiters[0].stop();
    latch.count_down(1).unwrap();
    waiters[1..].iter_mut().for_each(Child::join);
    waiters[0].resume();
    waiters[0].join();
}

#[derive(Shareable)]
#[repr(C)]
struct Start {
    number: u64,
    ready: Latch,
}

fn as_a_field(method: StartMethod) {
    let start = Shared::new(Start { number: 9, ready: Latch::new(1).unwrap() }).unwrap();
    let counts = |start: Shared<Start>| {
        start.ready.count_down(1).unwrap();
        start.number
    };
    assert_eq!(run(method, counts, (start.clone(),)), 9);
    assert!(start.ready.try_wait());
}
