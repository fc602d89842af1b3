//! Threads on one mapping, for sanitizers: plain data under each lock, and what orders them.
//!
//! It stands apart from the other tests, which start processes: what a sanitizer is to see happens
//! in one process. The numbers are small, as it runs twenty times slower.

use std::cell::UnsafeCell;
use std::thread;
use std::time::Duration;

use sync_primitives::{
    Barrier, BoundedSemaphore, Condvar, Event, Latch, Mutex, Once, ReentrantMutex, RwLock,
    Semaphore,
};

const THREADS: u32 = 4;
const ROUNDS: u32 = 2_000;
const ALL: u64 = (THREADS * ROUNDS) as u64;

/// A number that only what is tested protects.
struct Plain(UnsafeCell<u64>);

// SAFETY: that no two threads touch the number at once is what the tests are about.
unsafe impl Sync for Plain {}

impl Plain {
    fn new() -> Plain {
        Plain(UnsafeCell::new(0))
    }

    fn add(&self) {
        // SAFETY: as above.
        unsafe { *self.0.get() += 1 };
    }

    fn get(&self) -> u64 {
        // SAFETY: as above.
        unsafe { *self.0.get() }
    }
}

/// Has all threads do `work` so many times, and tells what the number is in the end.
fn hammer(work: impl Fn(&Plain) + Sync) -> u64 {
    let plain = Plain::new();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| work(&plain)));
        }
    });
    plain.get()
}

#[test]
fn mutex() {
    let mutex = Mutex::new(());
    assert_eq!(hammer(|plain| mutex.lock().map(|_guard| plain.add()).unwrap()), ALL);
}

#[test]
fn mutex_with_timeouts() {
    let mutex = Mutex::new(());
    let lock = |plain: &Plain| {
        while mutex.lock_timeout(Duration::from_micros(50)).map(|_guard| plain.add()).is_err() {}
    };
    assert_eq!(hammer(lock), ALL);
}

#[test]
fn reentrant_mutex() {
    let mutex = ReentrantMutex::new(());
    let twice = |plain: &Plain| {
        let _outer = mutex.lock().unwrap();
        let _inner = mutex.lock().unwrap();
        plain.add();
    };
    assert_eq!(hammer(twice), ALL);
}

#[test]
fn rwlock() {
    let lock = RwLock::new(());
    let mostly_read = |plain: &Plain| {
        for _ in 0..3 {
            let guard = lock.read().unwrap();
            assert!(plain.get() < ALL);
            drop(guard);
        }
        let _guard = lock.write().unwrap();
        plain.add();
    };
    assert_eq!(hammer(mostly_read), ALL);
}

#[test]
fn semaphore() {
    let semaphore = Semaphore::new(1).unwrap();
    let work = |plain: &Plain| {
        semaphore.acquire();
        plain.add();
        semaphore.release().unwrap();
    };
    assert_eq!(hammer(work), ALL);
}

#[test]
fn bounded_semaphore() {
    let semaphore = BoundedSemaphore::<8>::new(1).unwrap();
    assert_eq!(hammer(|plain| semaphore.acquire().map(|_permit| plain.add()).unwrap()), ALL);
}

#[test]
fn condvar() {
    let (turn, changed, plain) = (Mutex::new(0_u32), Condvar::new(), Plain::new());
    thread::scope(|scope| {
        for id in 0..THREADS {
            let (turn, changed, plain) = (&turn, &changed, &plain);
            scope.spawn(move || {
                for _ in 0..ROUNDS / 10 {
                    let guard = turn.lock().unwrap();
                    let mut guard = changed.wait_while(guard, |turn| *turn != id).unwrap();
                    plain.add();
                    *guard = (id + 1) % THREADS;
                    drop(guard);
                    changed.notify_all();
                }
            });
        }
    });
    assert_eq!(plain.get(), ALL / 10);
}

#[test]
fn event_and_latch() {
    for _ in 0..ROUNDS / 10 {
        let (event, latch, plain) = (Event::new(), Latch::new(1).unwrap(), Plain::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                plain.add();
                event.set();
            });
            scope.spawn(|| {
                event.wait();
                plain.add();
                latch.count_down(1).unwrap();
            });
            latch.wait();
            assert_eq!(plain.get(), 2);
        });
    }
}

#[test]
fn barrier() {
    let (barrier, plain) = (Barrier::<8>::new(THREADS).unwrap(), Plain::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 1..=u64::from(ROUNDS / 10) {
                    if barrier.wait().unwrap().is_leader() {
                        plain.add();
                    }
                    barrier.wait_with(|| assert_eq!(plain.get(), round)).unwrap();
                }
            });
        }
    });
}

#[test]
fn once() {
    for _ in 0..ROUNDS / 10 {
        let (once, plain) = (Once::new(), Plain::new());
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    once.call_once(|_| plain.add()).unwrap();
                    assert_eq!(plain.get(), 1);
                });
            }
        });
    }
}
