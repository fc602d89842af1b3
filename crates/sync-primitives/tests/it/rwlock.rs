//! Readers, and readers with writers; what writers have in common with other locks is in
//! `contract`.

use std::time::Duration;

use ipc_shm::Shared;
use procspawn_core::StartMethod;
use sync_primitives::{LockError, RwLock, WriteGuard};

use crate::family::{Said, apart};
use crate::support::{Child, Turn, each_method, only, past, run, soon, wait_for_thread};
use crate::system::{fork, leave};

each_method! {
    readers_and_writers, a_killed_reader, a_killed_writer, a_killed_waiting_writer,
    a_killed_waiting_reader, whole_pairs,
}
only! { Fork: a_forked_childs_copy_of_a_reader }

type Pair = Shared<RwLock<[u64; 2]>>;

fn pair() -> Pair {
    Shared::new(RwLock::new([1, 1])).unwrap()
}

#[test]
fn readers_share() {
    let lock = RwLock::new(3);
    std::thread::scope(|scope| {
        let first = lock.read().unwrap();
        let forms = || {
            let guards = [
                lock.try_read().unwrap(),
                lock.read_timeout(Duration::ZERO).unwrap(),
                lock.read_deadline(past()).unwrap(),
                lock.read_deadline(soon()).unwrap(),
            ];
            assert_eq!(lock.readers(), 5);
            assert!(guards.iter().all(|guard| **guard == 3));
        };
        scope.spawn(forms).join().unwrap();
        assert_eq!((*first, lock.readers(), lock.is_write_locked()), (3, 1, false));
    });
}

#[test]
fn a_writer_keeps_readers_out() {
    let lock = RwLock::new(3);
    let guard = lock.write().unwrap();
    std::thread::scope(|scope| {
        let refused = || {
            assert_eq!(apart(lock.try_read()).0, Said::WouldBlock);
            assert_eq!(apart(lock.read_timeout(Duration::from_millis(5))).0, Said::TimedOut);
            assert_eq!(apart(lock.read_deadline(past())).0, Said::TimedOut);
        };
        scope.spawn(refused).join().unwrap();
    });
    drop(guard);
    assert!(lock.try_read().is_ok());
}

#[test]
fn readers_keep_a_writer_out() {
    let lock = RwLock::new(3);
    let guard = lock.read().unwrap();
    std::thread::scope(|scope| {
        let refused = || {
            assert_eq!(apart(lock.try_write()).0, Said::WouldBlock);
            assert_eq!(apart(lock.write_timeout(Duration::from_millis(5))).0, Said::TimedOut);
            assert_eq!(apart(lock.write_deadline(past())).0, Said::TimedOut);
        };
        scope.spawn(refused).join().unwrap();
    });
    // Who gave up has opened the gate again.
    assert!(lock.try_read().is_ok());
    drop(guard);
    assert!(lock.try_write().is_ok());
}

#[test]
fn locking_again_both_ways() {
    let lock = RwLock::new(3);
    let guard = lock.read().unwrap();
    for result in [lock.write(), lock.try_write(), lock.write_timeout(Duration::from_secs(9))] {
        assert_eq!(apart(result).0, Said::Deadlock);
    }
    drop(guard);
    let guard = lock.write().unwrap();
    for result in [lock.read(), lock.try_read(), lock.read_timeout(Duration::from_secs(9))] {
        assert_eq!(apart(result).0, Said::Deadlock);
    }
    drop(guard);
    assert!(!lock.is_write_locked() && lock.readers() == 0 && !lock.is_poisoned());
}

#[test]
fn thirty_two_readers_and_a_33rd_that_waits() {
    let lock = &RwLock::new(3);
    std::thread::scope(|scope| {
        let mut guards: Vec<_> = (0..32).map(|_| lock.read().unwrap()).collect();
        let (sender, tid) = std::sync::mpsc::channel();
        let waiter = scope.spawn(move || {
            sender.send(crate::support::tid()).unwrap();
            *lock.read_deadline(soon()).unwrap()
        });
        wait_for_thread(tid.recv().unwrap());
        guards.clear();
        assert_eq!(waiter.join().unwrap(), 3);
    });
}

#[test]
fn a_waiting_writer_keeps_new_readers_out() {
    let lock = &RwLock::new(3);
    std::thread::scope(|scope| {
        let guard = lock.read().unwrap();
        let (sender, tid) = std::sync::mpsc::channel();
        let writer = scope.spawn(move || {
            sender.send(crate::support::tid()).unwrap();
            *lock.write().unwrap() = 4;
        });
        wait_for_thread(tid.recv().unwrap());
        let reader = scope.spawn(|| apart(lock.try_read()).0);
        assert_eq!(reader.join().unwrap(), Said::WouldBlock);
        drop(guard);
        writer.join().unwrap();
        assert_eq!(*lock.read().unwrap(), 4);
    });
}

#[test]
fn a_readers_panic_poisons_nothing() {
    let lock = RwLock::new(3);
    let panics = || {
        let _guard = lock.read().unwrap();
        std::panic::resume_unwind(Box::new(()));
    };
    std::thread::scope(|scope| assert!(scope.spawn(panics).join().is_err()));
    assert!(!lock.is_poisoned() && lock.write().is_ok());
}

#[test]
fn readers_are_told_of_a_panic() {
    let lock = RwLock::new(3);
    let panics = || {
        let _guard = lock.write().unwrap();
        std::panic::resume_unwind(Box::new(()));
    };
    std::thread::scope(|scope| assert!(scope.spawn(panics).join().is_err()));
    assert_eq!(apart(lock.read()).0, Said::Poisoned);
    assert_eq!(apart(lock.try_read()).0, Said::Poisoned);
    WriteGuard::mark_consistent(&apart(lock.write()).1.unwrap());
    assert_eq!(apart(lock.read()).0, Said::Fine);
}

#[test]
fn debug() {
    let lock = RwLock::new(3);
    let guards = (lock.read().unwrap(), lock.read().unwrap());
    assert_eq!(format!("{lock:?}"), "RwLock { readers: 2, write_locked: false, .. }");
    assert_eq!(format!("{:?}", guards.0), "3");
}

fn readers_and_writers(method: StartMethod) {
    let lock = pair();
    let reader: Child<()> = Child::ready(method, &lock, |lock: Pair, mut turn: Turn| {
        let guard = lock.read().unwrap();
        turn.pass();
        assert_eq!(*guard, [1, 1]);
    });
    assert_eq!(lock.readers(), 1);
    assert_eq!(*lock.try_read().unwrap(), [1, 1]);
    assert_eq!(apart(lock.try_write()).0, Said::WouldBlock);
    reader.end();
    *lock.write().unwrap() = [2, 2];
    assert_eq!(run(method, |lock: Pair| *lock.read().unwrap(), (lock.clone(),)), [2, 2]);
}

fn a_killed_reader(method: StartMethod) {
    let lock = pair();
    let reader: Child<()> = Child::ready(method, &lock, |lock: Pair, mut turn: Turn| {
        let _guard = lock.read().unwrap();
        turn.pass();
    });
    let mut writer = Child::start(method, &lock, |lock: Pair, mut turn: Turn| {
        turn.ready();
        apart(lock.write()).0
    });
    writer.wait_asleep();
    reader.kill();
    assert_eq!(writer.join(), Said::Fine);
    assert_eq!((lock.readers(), lock.is_poisoned()), (0, false));
    assert_eq!(apart(lock.try_write()).0, Said::Fine);
}

fn a_killed_writer(method: StartMethod) {
    let lock = pair();
    let writer: Child<()> = Child::ready(method, &lock, |lock: Pair, mut turn: Turn| {
        lock.write().unwrap()[0] = 2;
        let _guard = lock.write().unwrap();
        turn.pass();
    });
    let mut readers: Vec<Child<Said>> = (0..3)
        .map(|_| {
            Child::start(method, &lock, |lock: Pair, mut turn: Turn| {
                turn.ready();
                apart(lock.read()).0
            })
        })
        .collect();
    readers.iter_mut().for_each(Child::wait_asleep);
    writer.kill();
    readers.iter_mut().for_each(|reader| assert_eq!(reader.join(), Said::OwnerDied));
    for _ in 0..2 {
        assert_eq!(apart(lock.try_read()).0, Said::OwnerDied);
        assert_eq!(apart(lock.read_deadline(past())).0, Said::OwnerDied);
    }
    let Err(LockError::OwnerDied(mut guard)) = lock.write() else { panic!("not told") };
    assert_eq!(*guard, [2, 1]);
    guard[1] = 2;
    WriteGuard::mark_consistent(&guard);
    drop(guard);
    assert_eq!(*lock.read().unwrap(), [2, 2]);
}

/// It has closed the gate already.
fn a_killed_waiting_writer(method: StartMethod) {
    let lock = pair();
    let guard = lock.read().unwrap();
    let mut writer: Child<()> = Child::start(method, &lock, |lock: Pair, mut turn: Turn| {
        turn.ready();
        drop(lock.write());
    });
    writer.wait_asleep();
    let mut reader = Child::start(method, &lock, |lock: Pair, mut turn: Turn| {
        turn.ready();
        apart(lock.read()).0
    });
    reader.wait_asleep();
    writer.kill();
    assert!(matches!(reader.join(), Said::Fine | Said::OwnerDied));
    drop(guard);
    let (said, guard) = apart(lock.write());
    assert!(matches!(said, Said::Fine | Said::OwnerDied));
    WriteGuard::mark_consistent(&guard.unwrap());
    assert_eq!(apart(lock.read()).0, Said::Fine);
}

fn a_killed_waiting_reader(method: StartMethod) {
    let lock = pair();
    for dies in 0..3 {
        let guard = lock.write().unwrap();
        let mut readers: Vec<Child<Said>> = (0..3)
            .map(|_| {
                Child::start(method, &lock, |lock: Pair, mut turn: Turn| {
                    turn.ready();
                    apart(lock.read()).0
                })
            })
            .collect();
        readers.iter_mut().for_each(Child::wait_asleep);
        readers.remove(dies).kill();
        drop(guard);
        readers.iter_mut().for_each(|reader| assert_eq!(reader.join(), Said::Fine));
        assert_eq!(apart(lock.try_write()).0, Said::Fine);
    }
}

/// No reader ever sees half of what a writer does.
fn whole_pairs(method: StartMethod) {
    let lock = pair();
    let mut writers: Vec<Child<()>> = (0..2)
        .map(|_| {
            Child::ready(method, &lock, |lock: Pair, mut turn: Turn| {
                turn.ready();
                for _ in 0..500 {
                    let mut pair = lock.write().unwrap();
                    pair[0] += 1;
                    std::hint::black_box(&mut pair);
                    pair[1] += 1;
                }
            })
        })
        .collect();
    loop {
        let [first, second] = *lock.read().unwrap();
        assert_eq!(first, second);
        if first == 1001 {
            break;
        }
    }
    writers.iter_mut().for_each(Child::join);
}

fn a_forked_childs_copy_of_a_reader(_: StartMethod) {
    let lock = pair();
    let guard = lock.read().unwrap();
    let Some(child) = fork() else {
        drop(guard);
        assert_eq!(apart(lock.try_write()).0, Said::WouldBlock);
        assert_eq!(apart(lock.try_read()).0, Said::Fine);
        leave(0)
    };
    child.join();
    assert_eq!(lock.readers(), 1);
    drop(guard);
    assert_eq!(apart(lock.try_write()).0, Said::Fine);
}
