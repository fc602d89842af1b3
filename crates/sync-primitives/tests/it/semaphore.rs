//! A count that nobody owns.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::handles::Semaphore as Handle;
use sync_primitives::{Semaphore, TooManyReleases};

use crate::support::{Child, Turn, each_method, eventually, past, run, soon};

each_method! {
    works_between_processes, what_the_dead_have_taken_is_gone, a_killed_waiter, a_stopped_waiter,
    as_many_wake_as_were_released, nothing_is_lost, as_a_field,
}

#[test]
fn smoke() {
    let semaphore = Semaphore::new(2).unwrap();
    semaphore.acquire();
    assert!(semaphore.try_acquire());
    assert!(!semaphore.try_acquire());
    assert_eq!(semaphore.value(), 0);
    semaphore.release_many(3).unwrap();
    assert_eq!(semaphore.value(), 3);
}

#[test]
fn forms() {
    let semaphore = Semaphore::new(4).unwrap();
    assert!(semaphore.try_acquire());
    assert!(semaphore.acquire_timeout(Duration::ZERO));
    assert!(semaphore.acquire_deadline(past()));
    assert!(semaphore.acquire_timeout(Duration::MAX));
    assert!(!semaphore.try_acquire());
    assert!(!semaphore.acquire_timeout(Duration::from_millis(10)));
    assert!(!semaphore.acquire_deadline(past()));
    assert_eq!(semaphore.value(), 0);
}

#[test]
fn bad_counts() {
    let error = Semaphore::new(Semaphore::MAX + 1).unwrap_err();
    assert_eq!((error.count, error.least, error.most), (1 << 31, 0, (1 << 31) - 1));
    assert!(Semaphore::new(u32::MAX).is_err() && Handle::new(u32::MAX).is_err());
    let full = Semaphore::new(Semaphore::MAX).unwrap();
    assert_eq!(full.release(), Err(TooManyReleases));
    for count in [1, Semaphore::MAX, u32::MAX] {
        assert_eq!(full.release_many(count), Err(TooManyReleases));
    }
    assert_eq!(full.value(), Semaphore::MAX);
    full.acquire();
    full.release().unwrap();
    let empty = Semaphore::new(0).unwrap();
    empty.release_many(0).unwrap();
    assert_eq!(empty.value(), 0);
    empty.release_many(Semaphore::MAX).unwrap();
}

#[test]
fn debug() {
    let semaphore = Semaphore::new(2).unwrap();
    assert_eq!(format!("{semaphore:?}"), "Semaphore { value: 2, .. }");
}

fn new(count: u32) -> Handle {
    Handle::new(count).unwrap()
}

fn waits(semaphore: Handle, mut turn: Turn) {
    turn.ready();
    semaphore.acquire();
}

fn works_between_processes(method: StartMethod) {
    let semaphore = new(0);
    let mut waiter = Child::start(method, &semaphore, waits);
    waiter.wait_asleep();
    semaphore.release().unwrap();
    waiter.join();
    run(method, |semaphore: Handle| semaphore.release().unwrap(), (semaphore.clone(),));
    assert!(semaphore.try_acquire() && !semaphore.try_acquire());
}

fn what_the_dead_have_taken_is_gone(method: StartMethod) {
    let semaphore = new(2);
    let holder: Child<()> =
        Child::ready(method, &semaphore, |semaphore: Handle, mut turn: Turn| {
            semaphore.acquire();
            turn.pass();
        });
    holder.kill();
    assert_eq!(semaphore.value(), 1);
    semaphore.release().unwrap();
    assert_eq!(semaphore.value(), 2);
}

fn a_killed_waiter(method: StartMethod) {
    let semaphore = new(0);
    for dies in 0..3 {
        let mut waiters: Vec<Child<()>> =
            (0..3).map(|_| Child::start(method, &semaphore, waits)).collect();
        waiters.iter_mut().for_each(Child::wait_asleep);
        waiters.remove(dies).kill();
        semaphore.release_many(2).unwrap();
        waiters.iter_mut().for_each(Child::join);
        assert_eq!(semaphore.value(), 0);
    }
}

fn a_stopped_waiter(method: StartMethod) {
    let semaphore = new(0);
    let mut stopped = Child::start(method, &semaphore, waits);
    stopped.wait_asleep();
    stopped.stop();
    let mut waiter = Child::start(method, &semaphore, waits);
    waiter.wait_asleep();
    semaphore.release().unwrap();
    waiter.join();
    semaphore.release().unwrap();
    stopped.resume();
    stopped.join();
}

fn as_many_wake_as_were_released(method: StartMethod) {
    let semaphore = new(0);
    let mut waiters: Vec<Child<()>> =
        (0..4).map(|_| Child::start(method, &semaphore, waits)).collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    semaphore.release_many(3).unwrap();
    let mut done = 0;
    eventually("three awake", || {
        waiters.retain_mut(|waiter| waiter.try_join().is_none());
        done = 4 - waiters.len();
        done >= 3
    });
    assert_eq!((done, semaphore.value()), (3, 0));
    waiters[0].assert_asleep();
    semaphore.release().unwrap();
    waiters[0].join();
}

fn nothing_is_lost(method: StartMethod) {
    let semaphore = new(0);
    let mut takers: Vec<Child<()>> = (0..2)
        .map(|_| {
            Child::start(method, &semaphore, |semaphore: Handle, _: Turn| {
                (0..3000).for_each(|_| semaphore.acquire());
            })
        })
        .collect();
    let mut givers: Vec<Child<()>> = (0..2)
        .map(|_| {
            Child::start(method, &semaphore, |semaphore: Handle, _: Turn| {
                (0..3000).for_each(|_| semaphore.release().unwrap());
            })
        })
        .collect();
    takers.iter_mut().chain(&mut givers).for_each(Child::join);
    assert_eq!(semaphore.value(), 0);
}

/// A queue of numbers, of a sort.
#[derive(Shareable)]
#[repr(C)]
struct Shelf {
    filled: Semaphore,
    label: AtomicU32,
}

fn as_a_field(method: StartMethod) {
    let shelf = Shared::new(Shelf { filled: Semaphore::new(0).unwrap(), label: AtomicU32::new(1) })
        .unwrap();
    let mut waiter = Child::start(method, &shelf, |shelf: Shared<Shelf>, _: Turn| {
        assert!(shelf.filled.acquire_deadline(soon()));
        shelf.label.load(Relaxed)
    });
    shelf.label.store(5, Relaxed);
    shelf.filled.release().unwrap();
    assert_eq!(waiter.join(), 5);
}
