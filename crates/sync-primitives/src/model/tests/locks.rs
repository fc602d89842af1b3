//! What can be held: mutual exclusion, and that the dead keep nothing.
#![allow(unsafe_code, reason = "cells that loom watches")]

use loom::cell::UnsafeCell;

use super::{kill_first, kill_first_at_length};
use crate::platform::Ordering::Relaxed;
use crate::robust::{CONSISTENT, Condition, Patience, RobustWord};
use crate::turnstile::Turnstile;
use crate::{BoundedSemaphore, LockError, Mutex, Once};

/// A lock and what it protects; loom tells if two touch that at once.
struct Guarded {
    lock: RobustWord,
    data: UnsafeCell<u32>,
}

// SAFETY: the data are touched under the lock only, which is what the models are about.
unsafe impl Sync for Guarded {}

impl Guarded {
    fn new() -> Guarded {
        Guarded { lock: RobustWord::new(), data: UnsafeCell::new(0) }
    }

    /// Makes the data odd, then even again: who finds them odd must have been warned.
    fn change(&self) {
        let condition = self.lock.lock(Patience::ENDLESS).expect("a lock is always to be had");
        let odd = self.data.with(read) % 2 == 1;
        assert!(!odd || condition == Condition::OwnerDied, "torn data come without a warning");
        if !odd {
            self.data.with_mut(add_one);
        }
        // A step, at which it can be killed.
        self.lock.note.store(1, Relaxed);
        self.data.with_mut(add_one);
        self.lock.set_state(CONSISTENT);
        assert!(self.lock.unlock());
    }

    fn is_free(&self) {
        assert!(self.lock.lock(Patience::None).is_ok());
        assert!(self.lock.unlock());
    }
}

fn read(data: *const u32) -> u32 {
    // SAFETY: loom lends the cell for the time of the call.
    unsafe { *data }
}

fn add_one(data: *mut u32) {
    // SAFETY: loom lends the cell for the time of the call.
    unsafe { *data += 1 }
}

#[test]
fn a_robust_lock_excludes_and_outlives() {
    kill_first(
        Guarded::new,
        &[Guarded::change, Guarded::change, Guarded::change],
        Guarded::is_free,
    );
}

#[test]
fn a_robust_lock_excludes_and_outlives_two() {
    kill_first(Guarded::new, &[Guarded::change, Guarded::change], Guarded::is_free);
}

#[test]
fn a_mutex_tells_of_the_dead() {
    fn add(mutex: &Mutex<u32>) {
        let (Ok(mut data) | Err(LockError::OwnerDied(mut data))) = mutex.lock() else {
            panic!("a lock is always to be had")
        };
        *data += 1;
    }
    kill_first(
        || Mutex::new(0),
        &[add, add],
        |mutex| {
            assert!(mutex.try_lock().is_ok() || mutex.is_poisoned());
        },
    );
}

fn come_and_go(semaphore: &BoundedSemaphore<2>) {
    drop(semaphore.acquire().expect("a permit is always to be had"));
}

fn all_are_there(semaphore: &BoundedSemaphore<2>) {
    assert_eq!(semaphore.value(), semaphore.permits());
}

#[test]
fn one_permit_goes_round() {
    let one = || BoundedSemaphore::new(1).expect("one is between one and two");
    kill_first(one, &[come_and_go, come_and_go], all_are_there);
}

#[test]
fn one_permit_comes_back() {
    let one = || BoundedSemaphore::new(1).expect("one is between one and two");
    kill_first_at_length(one, &[come_and_go, come_and_go, come_and_go], all_are_there);
}

#[test]
fn two_permits_come_back() {
    let two = || BoundedSemaphore::new(2).expect("two is between one and two");
    kill_first_at_length(two, &[come_and_go, come_and_go, come_and_go], all_are_there);
}

/// A turnstile and what it protects.
struct Shelf {
    turnstile: Turnstile,
    data: UnsafeCell<u32>,
}

// SAFETY: the data are touched as the turnstile lets one, which is what the models are about.
unsafe impl Sync for Shelf {}

impl Shelf {
    fn new() -> Shelf {
        Shelf { turnstile: Turnstile::new(), data: UnsafeCell::new(0) }
    }

    fn read(&self) {
        let (place, _) = self.turnstile.enter(Patience::ENDLESS).expect("readers are let in");
        self.data.with(read);
        self.turnstile.leave(place);
    }

    fn write(&self) {
        self.turnstile.close(Patience::ENDLESS).expect("writers are let in");
        self.data.with_mut(add_one);
        self.turnstile.open();
    }

    fn is_free(&self) {
        assert!(self.turnstile.close(Patience::None).is_ok());
        self.turnstile.open();
        assert_eq!(self.turnstile.readers(), 0);
    }
}

#[test]
fn a_writer_dies_among_readers() {
    kill_first_at_length(Shelf::new, &[Shelf::write, Shelf::read, Shelf::read], Shelf::is_free);
}

#[test]
fn a_reader_dies_among_writers() {
    kill_first_at_length(Shelf::new, &[Shelf::read, Shelf::write, Shelf::write], Shelf::is_free);
}

#[test]
fn a_reader_dies_beside_a_writer() {
    kill_first(Shelf::new, &[Shelf::read, Shelf::write], Shelf::is_free);
}

#[test]
fn a_writer_dies_beside_a_reader() {
    kill_first(Shelf::new, &[Shelf::write, Shelf::read], Shelf::is_free);
}

#[test]
fn what_is_to_be_done_once_is_done() {
    fn work(once: &Once) {
        once.call_once(|_| ()).expect("somebody does it");
    }
    fn work_and_wait(once: &Once) {
        work(once);
        once.wait();
    }
    kill_first(Once::new, &[work, work_and_wait], |once| assert!(once.is_completed()));
}
