//! The ready-made primitives, as things that travel.

use std::time::Duration;

use ipc_pipe::{Receiver, Sender, pipe};
use ipc_shm::Shared;
use procspawn_core::StartMethod;
use serde::{Deserialize, Serialize};
use sync_primitives::handles::{
    Barrier, BoundedSemaphore, Condition, Event, Latch, Lock, Once, RLock, Semaphore,
};
use sync_primitives::{LockError, MutexGuard, RwLock};

use crate::support::{each_method, only, run, shared_memory};

each_method! { a_handle_that_comes_back, all_as_arguments_and_back, over_a_connection }
only! { Spawn: ten_thousand_leave_nothing_behind }

/// One of each.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct All {
    lock: Lock,
    rlock: RLock,
    semaphore: Semaphore,
    bounded: BoundedSemaphore,
    event: Event,
    barrier: Barrier,
    more: (Latch, Vec<Option<Once>>, Box<Condition>),
}

impl All {
    fn new() -> All {
        All {
            lock: Lock::new().unwrap(),
            rlock: RLock::new().unwrap(),
            semaphore: Semaphore::new(1).unwrap(),
            bounded: BoundedSemaphore::new(2).unwrap(),
            event: Event::new().unwrap(),
            barrier: Barrier::new(1).unwrap(),
            more: (
                Latch::new(1).unwrap(),
                vec![None, Some(Once::new().unwrap())],
                Box::new(Condition::new().unwrap()),
            ),
        }
    }

    fn once(&self) -> &Once {
        self.more.1[1].as_ref().unwrap()
    }

    /// Leaves a trace on each that others see.
    fn use_all(&self) {
        assert!(matches!(self.lock.try_lock(), Err(LockError::WouldBlock)));
        drop((self.rlock.lock().unwrap(), self.rlock.lock().unwrap()));
        self.semaphore.release().unwrap();
        drop(self.bounded.acquire().unwrap());
        self.event.set();
        self.barrier.wait().unwrap();
        self.more.0.count_down(1).unwrap();
        self.once().call_once(|_| ()).unwrap();
        let guard = self.more.2.lock().unwrap();
        self.more.2.notify_all();
        drop(guard);
    }

    #[track_caller]
    fn assert_used(&self) {
        assert_eq!((self.semaphore.value(), self.bounded.value()), (2, 2));
        assert!(self.event.is_set() && self.more.0.try_wait() && self.once().is_completed());
    }
}

#[test]
fn one_primitive_or_another() {
    let (first, second) = (Lock::new().unwrap(), Lock::new().unwrap());
    assert!(first.ptr_eq(&first.clone()) && !first.ptr_eq(&second));
    let shared = Shared::new(sync_primitives::Event::new()).unwrap();
    let (event, other) = (Event::from_shared(shared.clone()), Event::from_shared(shared));
    other.set();
    assert!(event.is_set() && event.ptr_eq(&other));
}

#[test]
fn bad_counts_are_errors_of_input() {
    let errors = [
        Semaphore::new(u32::MAX).map(drop),
        BoundedSemaphore::new(0).map(drop),
        Barrier::new(0).map(drop),
        Latch::new(u32::MAX).map(drop),
    ];
    for error in errors {
        assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    }
}

#[test]
fn debug() {
    let text = format!("{:?}", All::new());
    for name in ["Mutex", "ReentrantMutex", "Semaphore", "Event", "Barrier", "Latch", "Once"] {
        assert!(text.contains(name), "{text}");
    }
}

fn all_as_arguments_and_back(method: StartMethod) {
    let all = All::new();
    MutexGuard::keep(all.lock.lock().unwrap());
    let uses = |all: All| {
        all.use_all();
        (all, Lock::new().unwrap())
    };
    let (back, lock) = run(method, uses, (all.clone(),));
    all.assert_used();
    back.assert_used();
    all.lock.release().unwrap();
    // Who made it is gone, and it lives on.
    drop(lock.try_lock().unwrap());
}

/// It maps the memory a second time; the thread that holds the lock by the first is told.
fn a_handle_that_comes_back(method: StartMethod) {
    let (lock, rlock) = (Lock::new().unwrap(), RLock::new().unwrap());
    let rw = Shared::new(RwLock::new(1)).unwrap();
    let back = |lock: Lock, rlock: RLock, rw: Shared<RwLock<i32>>| (lock, rlock, rw);
    let back = run(method, back, (lock.clone(), rlock.clone(), rw.clone()));
    let guards = (lock.lock().unwrap(), rlock.lock().unwrap(), rw.write().unwrap());
    assert!(matches!(back.0.lock(), Err(LockError::Deadlock)));
    assert!(matches!(back.1.lock(), Err(LockError::Deadlock)));
    assert!(matches!(back.2.write(), Err(LockError::Deadlock)));
    assert!(matches!(back.2.read(), Err(LockError::Deadlock)));
    drop(guards);
    let guards = (back.0.lock().unwrap(), back.1.lock().unwrap(), back.2.read().unwrap());
    assert!(matches!(lock.lock(), Err(LockError::Deadlock)));
    assert!(matches!(rlock.lock(), Err(LockError::Deadlock)));
    assert!(matches!(rw.write(), Err(LockError::Deadlock)));
    drop(guards);
    assert!(lock.lock().is_ok() && rlock.lock().is_ok() && rw.write().is_ok());
}

fn over_a_connection(method: StartMethod) {
    let (receiver, mut sender) = pipe::<All>().unwrap();
    let (mut done, back) = pipe::<Event>().unwrap();
    let all = All::new();
    MutexGuard::keep(all.lock.lock().unwrap());
    sender.send(&all).unwrap();
    let uses = |mut receiver: Receiver<All>, mut back: Sender<Event>| {
        let all = receiver.recv().unwrap();
        all.use_all();
        back.send(&all.event).unwrap();
    };
    run(method, uses, (receiver, back));
    all.assert_used();
    assert!(done.recv().unwrap().wait_timeout(Duration::ZERO));
    all.lock.release().unwrap();
}

fn ten_thousand_leave_nothing_behind(_: StartMethod) {
    let before = shared_memory();
    for _ in 0..10_000 {
        let lock = Lock::new().unwrap();
        drop((lock.lock().unwrap(), lock.clone()));
    }
    assert_eq!(shared_memory(), before);
    let many: Vec<_> = (0..200).map(|_| All::new()).collect();
    assert_ne!(shared_memory(), before);
    drop(many);
    assert_eq!(shared_memory(), before);
}
