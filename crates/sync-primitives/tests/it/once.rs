//! Work that is done once.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::{LockError, Once, OnceState};

use crate::family::{Said, said};
use crate::support::{Child, Turn, each_method, past, run};

each_method! {
    once_among_processes, killed_in_the_work, a_killed_waiter, a_stopped_worker,
    waiters_for_the_end,
}

/// How often something was made.
#[derive(Shareable)]
#[repr(C)]
struct Table {
    once: Once,
    made: AtomicU32,
}

type AnOnce = Shared<Table>;

fn new() -> AnOnce {
    Shared::new(Table { once: Once::new(), made: AtomicU32::new(0) }).unwrap()
}

#[test]
fn smoke() {
    let once = Once::new();
    let mut done = 0;
    assert!(!once.is_completed());
    once.call_once(|state| {
        assert_eq!(state, OnceState::Fresh);
        done += 1;
    })
    .unwrap();
    once.call_once(|_| done += 1).unwrap();
    assert!(once.is_completed());
    once.wait();
    assert_eq!(done, 1);
}

#[test]
fn forms() {
    let once = Once::new();
    assert!(!once.wait_timeout(Duration::ZERO) && !once.wait_deadline(past()));
    once.call_once(|_| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let refused = once.try_call_once(|_| unreachable!());
                assert_eq!(said(&refused.unwrap_err()), Said::WouldBlock);
                let refused = once.call_once_timeout(Duration::from_millis(5), |_| unreachable!());
                assert_eq!(said(&refused.unwrap_err()), Said::TimedOut);
                let refused = once.call_once_deadline(past(), |_| unreachable!());
                assert_eq!(said(&refused.unwrap_err()), Said::TimedOut);
            });
        });
        let nested = once.call_once(|_| unreachable!());
        assert!(matches!(nested, Err(LockError::Deadlock)));
    })
    .unwrap();
    assert!(once.wait_timeout(Duration::ZERO) && once.wait_deadline(past()));
    once.try_call_once(|_| unreachable!()).unwrap();
    once.call_once_timeout(Duration::ZERO, |_| unreachable!()).unwrap();
    let late = Once::new();
    late.call_once_deadline(past(), |_| ()).unwrap();
    assert!(late.is_completed());
}

#[test]
fn a_panic_is_told_to_the_next() {
    let once = Once::new();
    for _ in 0..2 {
        let panics = || once.call_once(|_| std::panic::resume_unwind(Box::new(())));
        std::thread::scope(|scope| assert!(scope.spawn(panics).join().is_err()));
        assert!(!once.is_completed());
    }
    once.call_once(|state| assert_eq!(state, OnceState::Poisoned)).unwrap();
    once.call_once(|_| unreachable!()).unwrap();
}

#[test]
fn debug() {
    assert_eq!(format!("{:?}", Once::new()), "Once { completed: false, .. }");
}

fn once_among_processes(method: StartMethod) {
    let once = new();
    let mut children: Vec<Child<()>> = (0..4)
        .map(|_| {
            Child::start(method, &once, |once: AnOnce, _: Turn| {
                let work = |_| _ = once.made.fetch_add(1, SeqCst);
                once.once.call_once(work).unwrap();
                assert_eq!(once.made.load(SeqCst), 1);
            })
        })
        .collect();
    children.iter_mut().for_each(Child::join);
}

/// Stands in the work for good.
fn works(once: AnOnce, mut turn: Turn) {
    once.once
        .call_once(|_| {
            once.made.fetch_add(1, SeqCst);
            turn.pass();
        })
        .unwrap();
}

fn killed_in_the_work(method: StartMethod) {
    let once = new();
    let worker: Child<()> = Child::ready(method, &once, works);
    let mut waiter = Child::start(method, &once, |once: AnOnce, mut turn: Turn| {
        turn.ready();
        let mut told = None;
        once.once.call_once(|state| told = Some(state)).unwrap();
        told == Some(OnceState::OwnerDied)
    });
    waiter.wait_asleep();
    worker.kill();
    assert!(waiter.join());
    assert!(once.once.is_completed());
    once.once.call_once(|_| unreachable!()).unwrap();
}

fn a_killed_waiter(method: StartMethod) {
    let once = new();
    let worker: Child<()> = Child::ready(method, &once, works);
    let mut waiters: Vec<Child<()>> = (0..3)
        .map(|_| {
            Child::start(method, &once, |once: AnOnce, mut turn: Turn| {
                turn.ready();
                once.once.call_once(|_| unreachable!()).unwrap();
            })
        })
        .collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    waiters.remove(0).kill();
    worker.end();
    waiters.iter_mut().for_each(Child::join);
    assert_eq!(once.made.load(SeqCst), 1);
}

fn a_stopped_worker(method: StartMethod) {
    let once = new();
    let worker: Child<()> = Child::ready(method, &once, works);
    worker.stop();
    let refused = once.once.call_once_timeout(Duration::from_millis(20), |_| unreachable!());
    assert_eq!(said(&refused.unwrap_err()), Said::TimedOut);
    worker.resume();
    worker.end();
    once.once.call_once(|_| unreachable!()).unwrap();
}

fn waiters_for_the_end(method: StartMethod) {
    let once = new();
    let mut waiters: Vec<Child<()>> = (0..3)
        .map(|_| {
            Child::start(method, &once, |once: AnOnce, mut turn: Turn| {
                turn.ready();
                once.once.wait();
            })
        })
        .collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    waiters.remove(1).kill();
    run(method, |once: AnOnce| once.once.call_once(|_| ()).unwrap(), (once.clone(),));
    waiters.iter_mut().for_each(Child::join);
}
