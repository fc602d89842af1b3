//! Handles lead every kind of child to the same lock and the same memory.

use std::time::Duration;

use multiproc::sync::{Mutex, MutexGuard};
use multiproc::{
    Array, Event, Function, Lock, LockError, Process, Shareable, Shared, StartMethod, Value,
};

/// Longer than any test takes that does not hang.
const LONG: Duration = Duration::from_secs(20);

/// The fork method is for a process with one thread, which a test of the harness is not: a spawned
/// child tries it in our stead.
fn by_each_method<F: Function<(StartMethod,), Output = ()>>(test: F) {
    test.call((StartMethod::Spawn,));
    test.call((StartMethod::ForkServer,));
    Process::new(test, (StartMethod::Fork,)).start().unwrap().join().unwrap();
}

#[test]
fn a_lock_keeps_others_out_until_it_is_given_back() {
    by_each_method(|method| {
        let (lock, tried) = (Lock::new().unwrap(), Event::new().unwrap());
        let guard = lock.lock().unwrap();
        let child = Process::new(
            |lock: Lock, tried: Event| {
                assert!(matches!(lock.try_lock(), Err(LockError::WouldBlock)));
                tried.set();
                drop(lock.lock_timeout(LONG).unwrap());
            },
            (lock.clone(), tried.clone()),
        );
        let child = child.start_method(method).start().unwrap();
        assert!(tried.wait_timeout(LONG));
        drop(guard);
        child.join().unwrap();
    });
}

#[test]
fn a_lock_that_its_holder_kept_when_it_ended_says_so() {
    by_each_method(|method| {
        let lock = Lock::new().unwrap();
        let keep = |lock: Lock| MutexGuard::keep(lock.lock().unwrap());
        let child = Process::new(keep, (lock.clone(),));
        child.start_method(method).start().unwrap().join().unwrap();
        let Err(LockError::OwnerDied(guard)) = lock.lock_timeout(LONG) else {
            panic!("the holder has ended with the lock");
        };
        MutexGuard::mark_consistent(&guard);
        drop(guard);
        assert!(lock.lock().is_ok());
    });
}

#[test]
fn a_value_and_an_array_are_the_same_everywhere() {
    by_each_method(|method| {
        let (sum, numbers) = (Value::new(0).unwrap(), Array::from_slice(&[1, 2, 3]).unwrap());
        let add = |sum: Value<u32>, numbers: Array<u32>| {
            for _ in 0..1000 {
                sum.update(|sum| *sum += 1).unwrap();
            }
            numbers.update(|numbers| numbers.reverse()).unwrap();
        };
        let start = || {
            let child = Process::new(add, (sum.clone(), numbers.clone()));
            child.start_method(method).start().unwrap()
        };
        let children = [start(), start(), start()];
        let [(), (), ()] = children.map(|child| child.join().unwrap());
        assert_eq!(sum.get().unwrap(), 3000);
        assert_eq!(numbers.to_vec().unwrap(), [3, 2, 1]);
    });
}

#[test]
fn an_event_wakes_the_other_process() {
    by_each_method(|method| {
        let (ask, answer) = (Event::new().unwrap(), Event::new().unwrap());
        let child = Process::new(
            |ask: Event, answer: Event| {
                assert!(ask.wait_timeout(LONG));
                answer.set();
            },
            (ask.clone(), answer.clone()),
        );
        let child = child.start_method(method).start().unwrap();
        ask.set();
        assert!(answer.wait_timeout(LONG));
        child.join().unwrap();
    });
}

#[derive(Shareable)]
#[repr(C)]
struct Account {
    number: u64,
    cents: Mutex<i64>,
}

#[test]
fn a_struct_of_ones_own_is_shared() {
    by_each_method(|method| {
        let account = Shared::new(Account { number: 7, cents: Mutex::new(100) }).unwrap();
        let pay = |account: Shared<Account>| {
            *account.cents.lock().unwrap() -= 30;
            account.number
        };
        let child = Process::new(pay, (account.clone(),)).start_method(method).start().unwrap();
        assert_eq!(child.join().unwrap(), 7);
        assert_eq!(*account.cents.lock().unwrap(), 70);
    });
}
