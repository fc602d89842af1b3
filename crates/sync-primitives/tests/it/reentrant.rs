//! What only `ReentrantMutex` has; what it has in common with other locks is in `contract`.

use std::time::Duration;

use procspawn_core::StartMethod;
use sync_primitives::handles::RLock;
use sync_primitives::{LockError, NotHeld, ReentrantMutex, ReentrantMutexGuard};

use crate::support::{Child, Turn, each_method, only, past, run};
use crate::system::{fork, leave};

each_method! { killed_at_depth_three, release_by_another_process, released_step_by_step }
only! { Fork: a_forked_child_has_no_depth }

#[test]
fn depth() {
    let mutex = ReentrantMutex::new(());
    assert_eq!(mutex.depth(), 0);
    let first = mutex.lock().unwrap();
    let second = mutex.try_lock().unwrap();
    let third = mutex.lock_timeout(Duration::ZERO).unwrap();
    let fourth = mutex.lock_deadline(past()).unwrap();
    assert_eq!(mutex.depth(), 4);
    drop(first);
    drop(third);
    assert_eq!(mutex.depth(), 2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(mutex.depth(), 0);
            assert!(matches!(mutex.try_lock(), Err(LockError::WouldBlock)));
        });
    });
    drop((second, fourth));
    assert_eq!((mutex.depth(), mutex.is_locked()), (0, false));
}

#[test]
fn keep_and_release() {
    let mutex = ReentrantMutex::new(3);
    assert_eq!(mutex.release(), Err(NotHeld));
    ReentrantMutexGuard::keep(mutex.lock().unwrap());
    ReentrantMutexGuard::keep(mutex.lock().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(mutex.release(), Err(NotHeld)));
    });
    mutex.release().unwrap();
    assert!(mutex.is_locked());
    mutex.release().unwrap();
    assert_eq!((mutex.release(), mutex.is_locked()), (Err(NotHeld), false));
}

fn release_by_another_process(method: StartMethod) {
    let lock = RLock::new().unwrap();
    let _guard = lock.lock().unwrap();
    let refused = |lock: RLock| (lock.release().is_err(), lock.depth());
    assert_eq!(run(method, refused, (lock.clone(),)), (true, 0));
    assert_eq!(lock.depth(), 1);
}

fn killed_at_depth_three(method: StartMethod) {
    let lock = RLock::new().unwrap();
    let holder: Child<()> = Child::ready(method, &lock, |lock: RLock, mut turn: Turn| {
        let _guards = [(); 3].map(|()| lock.lock().unwrap());
        assert_eq!(lock.depth(), 3);
        turn.pass();
    });
    assert!(matches!(lock.try_lock(), Err(LockError::WouldBlock)));
    holder.kill();
    let Err(LockError::OwnerDied(guard)) = lock.lock() else { panic!("not told") };
    assert_eq!(lock.depth(), 1);
    let Err(LockError::OwnerDied(second)) = lock.lock() else { panic!("not told again") };
    ReentrantMutexGuard::mark_consistent(&second);
    drop((guard, second));
    assert!(!lock.is_locked() && !lock.is_poisoned());
    drop(lock.lock().unwrap());
}

/// Others get it with the last release only.
fn released_step_by_step(method: StartMethod) {
    let lock = RLock::new().unwrap();
    let mut holder: Child<()> = Child::ready(method, &lock, |lock: RLock, mut turn: Turn| {
        let mut guards = Vec::from([(); 3].map(|()| lock.lock().unwrap()));
        turn.pass();
        while guards.pop().is_some() {
            turn.pass();
        }
    });
    for _ in 0..2 {
        holder.go();
        holder.wait_ready();
        assert!(matches!(lock.try_lock(), Err(LockError::WouldBlock)));
    }
    holder.go();
    holder.wait_ready();
    drop(lock.try_lock().unwrap());
    holder.end();
}

fn a_forked_child_has_no_depth(_: StartMethod) {
    let mutex = ReentrantMutex::new(());
    let guard = mutex.lock().unwrap();
    let Some(child) = fork() else {
        assert_eq!((mutex.depth(), mutex.release()), (0, Err(NotHeld)));
        drop(guard);
        leave(0)
    };
    child.join();
    assert_eq!(mutex.depth(), 1);
}
