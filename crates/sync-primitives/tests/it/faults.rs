//! The memory of a primitive is written over, by another thread or process gone mad: operations
//! with a deadline return, and nothing crashes.
//!
//! That a step of the wall clock moves no deadline has no test: only a clock that all processes of
//! the machine share could show it, since `CLOCK_REALTIME` has no namespaces. `deadline.rs` knows
//! `Instant` only, and the futex calls are told `CLOCK_MONOTONIC`.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::{
    Barrier, BoundedSemaphore, Condvar, Event, Latch, LockError, Mutex, MutexGuard, Once,
    ReentrantMutex, RwLock, Semaphore,
};

use crate::family::{Exclusive, Held, How, Said, apart, each_lock};
use crate::support::{Random, only, past, run, soon};
use crate::system::{scribble, word_of};

each_lock! { [only Spawn]: a_lock_written_over, a_lock_written_over_while_it_is_used }
only! { Spawn:
    readers_written_over, semaphore, bounded, event, latch, condvar, once, barrier, entered_barrier,
    a_word_that_names_a_dead_thread, a_place_that_names_a_dead_reader,
}

/// How long an operation may wait that finds nonsense.
const SHORT: Duration = Duration::from_micros(500);

/// What is written: everything, some words, one bit, or numbers that threads could have.
struct Nonsense {
    random: Random,
    round: u32,
}

impl Nonsense {
    fn new() -> Nonsense {
        Nonsense { random: Random(77), round: 0 }
    }

    /// A word for each place, or none to leave it alone.
    fn word(&mut self) -> Option<u32> {
        let (random, choice) = (self.random.next(), self.random.next());
        match self.round % 4 {
            0 => Some(random),
            1 => (choice % 4 == 0).then_some(random),
            2 => (choice % 3 == 0).then_some(1 << (random % 32)),
            // A thread that exists, or might.
            _ => (choice % 2 == 0)
                .then(|| [1, std::process::id(), random % 40_000][random as usize % 3]),
        }
    }

    /// Has each round find new nonsense.
    fn each(mut self, mut round: impl FnMut(&mut dyn FnMut(usize) -> Option<u32>)) {
        for number in 0..400 {
            self.round = number;
            round(&mut |_| self.word());
        }
    }
}

/// Does the same to a fresh value each round.
fn over<T: Shareable>(make: impl Fn() -> T, mut operations: impl FnMut(&T)) {
    Nonsense::new().each(|word| {
        let shared = Shared::new(make()).unwrap();
        operations(&shared);
        scribble::<T>(&shared, word);
        operations(&shared);
        operations(&shared);
    });
}

fn a_lock_written_over<L: Exclusive>(_: StartMethod) {
    Nonsense::new().each(|word| {
        let (lock, other) = (L::fresh(), L::fresh());
        // A reentrant lock whose depth is written over may stay held until its thread ends.
        let words: Vec<_> = (0..1024).map(&mut *word).collect();
        let user = std::thread::spawn(move || use_what_is_written_over(&lock, &other, &words));
        user.join().unwrap();
    });
}

fn use_what_is_written_over<L: Exclusive>(lock: &L, other: &L, words: &[Option<u32>]) {
    let guards = (lock.hold(), other.hold());
    if !lock.scribble(&mut |at| words[at]) {
        return;
    }
    for how in [How::Now, How::For(SHORT), How::For(Duration::ZERO)] {
        lock.try_out(how);
    }
    drop(guards.0);
    for how in [How::Now, How::For(SHORT), How::Until(past())] {
        if let (_, Some(mut guard)) = lock.take(how) {
            guard.set(5);
            guard.mark_consistent();
        }
    }
    drop(guards.1);
    // What lies elsewhere is not concerned.
    assert_eq!(other.try_out(How::Now), Said::Fine);
}

fn a_lock_written_over_while_it_is_used<L: Exclusive>(_: StartMethod) {
    let lock = L::fresh();
    let done = AtomicBool::new(false);
    let use_it = |lock: L| {
        for _ in 0..300 {
            if let (_, Some(mut guard)) = lock.take(How::For(SHORT)) {
                guard.set(5);
            }
        }
    };
    std::thread::scope(|scope| {
        let users: Vec<_> = [lock.clone(), lock.clone()]
            .into_iter()
            .map(|lock| scope.spawn(|| use_it(lock)))
            .collect();
        let (own, done) = (lock.clone(), &done);
        let scribbler = scope.spawn(move || {
            while !done.load(SeqCst) {
                Nonsense::new().each(|word| {
                    own.scribble(word);
                    std::thread::yield_now();
                });
            }
        });
        users.into_iter().for_each(|user| user.join().unwrap());
        done.store(true, SeqCst);
        scribbler.join().unwrap();
    });
}

fn readers_written_over(_: StartMethod) {
    over(
        || RwLock::new(1_u64),
        |lock| {
            let guards = (lock.read_timeout(SHORT), lock.try_read());
            drop(lock.write_timeout(SHORT));
            drop(guards);
            drop((lock.try_write(), lock.readers(), lock.is_write_locked(), lock.is_poisoned()));
            drop(lock.write_deadline(past()));
        },
    );
}

fn semaphore(_: StartMethod) {
    over(
        || Semaphore::new(1).unwrap(),
        |semaphore| {
            semaphore.acquire_timeout(SHORT);
            semaphore.try_acquire();
            let _ = semaphore.release();
            let _ = semaphore.release_many(1 << 30);
            semaphore.value();
        },
    );
}

fn bounded(_: StartMethod) {
    over(
        || BoundedSemaphore::<16>::new(4).unwrap(),
        |semaphore| {
            let permits = (semaphore.acquire_timeout(SHORT), semaphore.try_acquire());
            let _ = (semaphore.value(), semaphore.permits(), semaphore.release());
            drop(permits);
            let _ = semaphore.acquire_timeout(SHORT).map(|permit| permit.keep());
            let _ = semaphore.release();
        },
    );
}

fn event(_: StartMethod) {
    over(Event::new, |event| {
        event.wait_timeout(SHORT);
        event.set();
        event.wait_timeout(SHORT);
        event.clear();
    });
}

fn latch(_: StartMethod) {
    over(
        || Latch::new(2).unwrap(),
        |latch| {
            latch.wait_timeout(SHORT);
            let _ = latch.count_down(1);
            latch.wait_timeout(SHORT);
        },
    );
}

fn condvar(_: StartMethod) {
    let mutex = Mutex::new(());
    over(Condvar::new, |condvar| {
        condvar.notify(3);
        drop(condvar.wait_timeout(mutex.lock().unwrap(), SHORT).unwrap());
        let guard = mutex.lock().unwrap();
        drop(condvar.wait_timeout_while(guard, SHORT, |()| true).unwrap());
    });
}

fn once(_: StartMethod) {
    over(Once::new, |once| {
        let _ = once.try_call_once(|_| ());
        let _ = once.call_once_timeout(SHORT, |_| ());
        once.wait_timeout(SHORT);
        once.is_completed();
    });
}

fn barrier(_: StartMethod) {
    over(
        || Barrier::<8>::new(2).unwrap(),
        |barrier| {
            let _ = barrier.wait_timeout(SHORT);
            let _ = barrier.wait_deadline(past());
            let _ = (barrier.n_waiting(), barrier.is_broken(), barrier.parties());
        },
    );
}

fn entered_barrier(_: StartMethod) {
    Nonsense::new().each(|word| {
        let barrier = Shared::new(Barrier::<8>::new(2).unwrap()).unwrap();
        let party = barrier.enter().unwrap();
        scribble::<Barrier<8>>(&barrier, word);
        let _ = party.wait_timeout(SHORT);
        drop(party);
    });
}

/// The number of a thread that has ended.
fn dead_thread() -> u32 {
    std::thread::spawn(crate::support::tid).join().unwrap().cast_unsigned()
}

/// As if the kernel had not reached the word when its holder died.
fn a_word_that_names_a_dead_thread(method: StartMethod) {
    let lock = Shared::new(Mutex::new(0_u64)).unwrap();
    let waiters = 0x8000_0000;
    for word in [dead_thread(), dead_thread() | waiters, run(method, std::process::id, ())] {
        drop(lock.lock().unwrap());
        word_of::<Mutex<u64>>(&lock, 0).store(word, Relaxed);
        let Err(LockError::OwnerDied(guard)) = lock.lock_deadline(soon()) else {
            panic!("not recovered");
        };
        MutexGuard::mark_consistent(&guard);
    }
    let lock = Shared::new(ReentrantMutex::new(0_u64)).unwrap();
    drop(lock.lock().unwrap());
    word_of::<ReentrantMutex<u64>>(&lock, 0).store(dead_thread(), Relaxed);
    assert_eq!(apart(lock.lock_deadline(soon())).0, Said::OwnerDied);
    let lock = Shared::new(RwLock::new(0_u64)).unwrap();
    for reads in [false, true] {
        drop(lock.write().or_else(|error| error.into_guard().ok_or(())).unwrap());
        word_of::<RwLock<u64>>(&lock, 0).store(dead_thread(), Relaxed);
        let said = if reads {
            apart(lock.read_deadline(soon())).0
        } else {
            apart(lock.write_deadline(soon())).0
        };
        assert_eq!(said, Said::OwnerDied);
    }
}

fn a_place_that_names_a_dead_reader(_: StartMethod) {
    let lock = Shared::new(RwLock::new(0_u64)).unwrap();
    // Each place is known to be of this namespace once it has been taken.
    let guards: Vec<_> = (0..32).map(|_| lock.read().unwrap()).collect();
    drop(guards);
    let third_place = 4 * 64 / 4;
    word_of::<RwLock<u64>>(&lock, third_place).store(dead_thread(), Relaxed);
    assert_eq!(lock.readers(), 1);
    assert_eq!(apart(lock.write_deadline(soon())).0, Said::Fine);
}
