//! Permits; what a single permit has in common with locks is in `contract`.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::handles::BoundedSemaphore as Handle;
use sync_primitives::{AcquireError, BoundedSemaphore, NotHeld, Permit};

use crate::support::{Child, Turn, each_method, eventually, past, run};

each_method! {
    permits_of_the_dead, release_by_another_process, never_more_than_there_are,
    all_wait_for_the_dead,
}

#[test]
fn smoke() {
    let semaphore = BoundedSemaphore::<64>::new(2).unwrap();
    let (first, second) = (semaphore.acquire().unwrap(), semaphore.try_acquire().unwrap());
    assert_eq!((semaphore.value(), semaphore.permits()), (0, 2));
    assert_eq!(semaphore.try_acquire().unwrap_err(), AcquireError::WouldBlock);
    assert_eq!(semaphore.acquire_deadline(past()).unwrap_err(), AcquireError::TimedOut);
    let timeout = semaphore.acquire_timeout(Duration::from_millis(5));
    assert_eq!(timeout.unwrap_err(), AcquireError::TimedOut);
    drop(first);
    assert_eq!(semaphore.value(), 1);
    drop((semaphore.acquire_deadline(past()).unwrap(), second));
    assert_eq!(semaphore.value(), 2);
}

#[test]
fn bad_counts() {
    for count in [0, 65, u32::MAX] {
        let error = BoundedSemaphore::<64>::new(count).unwrap_err();
        assert_eq!((error.count, error.least, error.most), (u64::from(count), 1, 64));
    }
    assert!(Handle::new(0).is_err() && Handle::new(128).is_err() && Handle::new(127).is_ok());
}

#[test]
fn one_release_too_many() {
    let semaphore = BoundedSemaphore::<4>::new(2).unwrap();
    assert_eq!(semaphore.release(), Err(NotHeld));
    semaphore.acquire().unwrap().keep();
    semaphore.acquire().unwrap().keep();
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(semaphore.release(), Err(NotHeld)));
    });
    semaphore.release().unwrap();
    semaphore.release().unwrap();
    assert_eq!((semaphore.release(), semaphore.value()), (Err(NotHeld), 2));
}

#[test]
fn a_thread_holds_64_at_most() {
    let semaphore = BoundedSemaphore::<127>::new(127).unwrap();
    let permits: Vec<_> = (0..64).map(|_| semaphore.acquire().unwrap()).collect();
    assert_eq!(semaphore.acquire().unwrap_err(), AcquireError::TooManyHeld);
    std::thread::scope(|scope| {
        let more = || (0..63).map(|_| semaphore.acquire().unwrap()).collect::<Vec<_>>().len();
        assert_eq!(scope.spawn(more).join().unwrap(), 63);
    });
    drop(permits);
    assert_eq!(semaphore.value(), 127);
}

#[test]
fn debug() {
    let semaphore = BoundedSemaphore::<4>::new(2).unwrap();
    let permit = semaphore.acquire().unwrap();
    let text = format!("{semaphore:?} {permit:?}");
    assert_eq!(text, "BoundedSemaphore { value: 1, permits: 2, .. } Permit");
}

fn permits_of_the_dead(method: StartMethod) {
    let semaphore = Handle::new(3).unwrap();
    let holder: Child<()> =
        Child::ready(method, &semaphore, |semaphore: Handle, mut turn: Turn| {
            semaphore.acquire().unwrap().keep();
            semaphore.acquire().unwrap().keep();
            turn.pass();
        });
    assert_eq!(semaphore.value(), 1);
    holder.kill();
    assert_eq!(semaphore.value(), 3);
    let all = [(); 3].map(|()| semaphore.try_acquire().unwrap());
    assert_eq!(semaphore.try_acquire().unwrap_err(), AcquireError::WouldBlock);
    drop(all);
}

fn release_by_another_process(method: StartMethod) {
    let semaphore = Handle::new(2).unwrap();
    semaphore.acquire().unwrap().keep();
    let refused =
        run(method, |semaphore: Handle| semaphore.release().is_err(), (semaphore.clone(),));
    assert_eq!((refused, semaphore.value()), (true, 1));
    semaphore.release().unwrap();
}

/// Several wait, and the holder of all permits dies: each death wakes one.
fn all_wait_for_the_dead(method: StartMethod) {
    let semaphore = Handle::new(3).unwrap();
    let holder: Child<()> =
        Child::ready(method, &semaphore, |semaphore: Handle, mut turn: Turn| {
            (0..3).for_each(|_| semaphore.acquire().unwrap().keep());
            turn.pass();
        });
    let mut waiters: Vec<Child<()>> = (0..3)
        .map(|_| {
            Child::start(method, &semaphore, |semaphore: Handle, mut turn: Turn| {
                turn.ready();
                let _permit: Permit<'_> = semaphore.acquire().unwrap();
                turn.pass();
            })
        })
        .collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    holder.kill();
    waiters.iter_mut().for_each(Child::wait_ready);
    assert_eq!(semaphore.value(), 0);
    waiters.into_iter().for_each(Child::end);
    eventually("free", || semaphore.value() == 3);
}

/// Three seats, and how many sit.
#[derive(Shareable)]
#[repr(C)]
struct Bench {
    seats: BoundedSemaphore<8>,
    sitting: AtomicU32,
}

fn never_more_than_there_are(method: StartMethod) {
    let seats = BoundedSemaphore::new(3).unwrap();
    let bench = Shared::new(Bench { seats, sitting: AtomicU32::new(0) }).unwrap();
    let mut children: Vec<Child<u32>> = (0..5)
        .map(|_| {
            Child::start(method, &bench, |bench: Shared<Bench>, _: Turn| {
                let mut most = 0;
                for _ in 0..300 {
                    let _permit = bench.seats.acquire().unwrap();
                    most = most.max(bench.sitting.fetch_add(1, SeqCst) + 1);
                    std::thread::yield_now();
                    bench.sitting.fetch_sub(1, SeqCst);
                }
                most
            })
        })
        .collect();
    assert!(children.iter_mut().all(|child| child.join() <= 3));
    assert_eq!(bench.seats.value(), 3);
}
