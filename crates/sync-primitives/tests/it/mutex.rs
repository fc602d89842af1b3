//! What only `Mutex` has; what it has in common with other locks is in `contract`.

use std::error::Error;
use std::io;

use procspawn_core::StartMethod;
use sync_primitives::{LockError, LockResult, Mutex, MutexGuard, NotHeld};

use crate::support::{each_method, run};

each_method! { release_by_another_process }

#[test]
fn keep_and_release() {
    let mutex = Mutex::new(());
    assert_eq!(mutex.release(), Err(NotHeld));
    MutexGuard::keep(mutex.lock().unwrap());
    assert!(mutex.is_locked());
    assert!(matches!(mutex.lock(), Err(LockError::Deadlock)));
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(mutex.release(), Err(NotHeld)));
    });
    assert!(mutex.is_locked());
    mutex.release().unwrap();
    assert_eq!(mutex.release(), Err(NotHeld));
    assert!(!mutex.is_locked());
}

fn release_by_another_process(method: StartMethod) {
    let lock = sync_primitives::handles::Lock::new().unwrap();
    MutexGuard::keep(lock.lock().unwrap());
    let refused = run(
        method,
        |lock: sync_primitives::handles::Lock| lock.release().is_err(),
        (lock.clone(),),
    );
    assert!(refused && lock.is_locked());
    lock.release().unwrap();
}

#[test]
fn the_data_without_the_lock() {
    let mut mutex = Mutex::<u8>::default();
    *mutex.get_mut() = 4;
    assert_eq!(mutex.into_inner(), 4);
}

#[test]
fn debug() {
    let mutex = Mutex::new(5);
    assert_eq!(format!("{mutex:?}"), "Mutex { locked: false, poisoned: false, .. }");
    let guard = mutex.lock().unwrap();
    assert_eq!(format!("{mutex:?} {guard:?}"), "Mutex { locked: true, poisoned: false, .. } 5");
}

/// A `?` lets go of the lock.
#[test]
fn errors_that_leave_the_function() {
    fn boxed(mutex: &Mutex<u8>) -> Result<(), Box<dyn Error + Send + Sync>> {
        drop(mutex.try_lock()?);
        Ok(())
    }
    fn io(mutex: &Mutex<u8>) -> io::Result<()> {
        drop(mutex.try_lock()?);
        Ok(())
    }
    let mutex = Mutex::new(0);
    let dies = || mutex.lock().map(std::mem::forget).is_ok();
    std::thread::scope(|scope| assert!(scope.spawn(dies).join().unwrap()));
    assert!(boxed(&mutex).unwrap_err().to_string().contains("died"));
    assert_eq!(io(&mutex).unwrap_err().kind(), io::ErrorKind::Other);
    assert!(!mutex.is_locked());
    let guard = mutex.lock().unwrap_err().into_guard().unwrap();
    assert_eq!(io(&mutex).unwrap_err().kind(), io::ErrorKind::Deadlock);
    let refused = || io(&mutex).unwrap_err().kind();
    let refused = std::thread::scope(|scope| scope.spawn(refused).join().unwrap());
    assert_eq!(refused, io::ErrorKind::WouldBlock);
    drop(guard);
}

#[test]
fn each_error_has_a_text() {
    let errors: [LockError<()>; 7] = [
        LockError::OwnerDied(()),
        LockError::Poisoned(()),
        LockError::WouldBlock,
        LockError::TimedOut,
        LockError::Deadlock,
        LockError::TooManyHeld,
        LockError::Corrupt,
    ];
    let texts: std::collections::BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 7);
    assert_eq!(format!("{:?}", LockResult::<u8>::Err(LockError::WouldBlock)), "Err(WouldBlock)");
}
