//! Waiting for a notification; a `Stock` is a mutex with its condition variable.

use std::time::{Duration, Instant};

use ipc_shm::{Shareable, Shared};
use procspawn_core::StartMethod;
use sync_primitives::handles::Condition;
use sync_primitives::{Condvar, LockError, Mutex, MutexGuard};

use crate::support::{Child, Turn, each_method, eventually, past, run, soon};

each_method! {
    notify_wakes_exactly_so_many, notify_one_by_one, notify_all_after_others_have_timed_out,
    a_killed_waiter, killed_waiters_in_a_row, a_stopped_waiter, a_waiter_is_told_of_a_death,
    wait_while_sees_changes_of_others, a_total_deadline_in_spite_of_notifications, of_a_condition,
}

#[derive(Shareable)]
#[repr(C)]
struct Stock {
    buns: Mutex<u32>,
    baked: Condvar,
}

type Shop = Shared<Stock>;

fn shop() -> Shop {
    Shared::new(Stock { buns: Mutex::new(0), baked: Condvar::new() }).unwrap()
}

/// Waits for one notification, and counts itself then.
fn waits(shop: Shop, mut turn: Turn) {
    let guard = shop.buns.lock().unwrap();
    turn.ready();
    *shop.baked.wait(guard).unwrap() += 1;
}

fn waiters(method: StartMethod, shop: &Shop, count: usize) -> Vec<Child<()>> {
    let mut waiters: Vec<_> = (0..count).map(|_| Child::start(method, shop, waits)).collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    waiters
}

/// Waits until so many have been woken, and all others sleep.
#[track_caller]
fn woken(shop: &Shop, waiters: &[Child<()>], count: u32) {
    eventually("awake", || *shop.buns.lock().unwrap() >= count);
    let asleep = waiters.len() - usize::try_from(count).unwrap();
    eventually("all others asleep", || {
        waiters.iter().filter(|waiter| waiter.sleeps()).count() == asleep
    });
    assert_eq!(*shop.buns.lock().unwrap(), count);
}

#[test]
fn smoke() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            *mutex.lock().unwrap() += 1;
            condvar.notify_one();
        });
        let guard = condvar.wait_while(mutex.lock().unwrap(), |value| *value == 0).unwrap();
        assert_eq!(*guard, 1);
    });
}

#[test]
fn forms() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let guard = mutex.lock().unwrap();
    let before = Instant::now();
    let timeout = Duration::from_millis(20);
    let (guard, waited) = condvar.wait_timeout(guard, timeout).unwrap();
    assert!(waited.timed_out() && before.elapsed() >= timeout && mutex.is_locked());
    let (guard, waited) = condvar.wait_timeout(guard, Duration::ZERO).unwrap();
    assert!(waited.timed_out());
    let (guard, waited) = condvar.wait_deadline(guard, past()).unwrap();
    assert!(waited.timed_out());
    let (guard, waited) = condvar.wait_timeout_while(guard, timeout, |_| true).unwrap();
    assert!(waited.timed_out());
    let (guard, waited) = condvar.wait_deadline_while(guard, past(), |_| true).unwrap();
    assert!(waited.timed_out());
    let (guard, waited) = condvar.wait_deadline_while(guard, past(), |_| false).unwrap();
    assert!(!waited.timed_out());
    let guard = condvar.wait_while(guard, |_| false).unwrap();
    drop(guard);
    assert!(!mutex.is_locked());
}

/// A notification is for those who wait at that time.
#[test]
fn nothing_is_remembered() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    condvar.notify_one();
    condvar.notify(3);
    condvar.notify(0);
    condvar.notify_all();
    let guard = mutex.lock().unwrap();
    let (_guard, waited) = condvar.wait_timeout(guard, Duration::from_millis(5)).unwrap();
    assert!(waited.timed_out());
}

#[test]
fn debug() {
    assert_eq!(format!("{:?}", Condvar::new()), "Condvar { .. }");
}

fn notify_wakes_exactly_so_many(method: StartMethod) {
    let shop = shop();
    let mut waiters = waiters(method, &shop, 6);
    shop.baked.notify(2);
    woken(&shop, &waiters, 2);
    shop.baked.notify(4);
    waiters.iter_mut().for_each(Child::join);
    assert_eq!(*shop.buns.lock().unwrap(), 6);
    shop.baked.notify(3);
    assert_eq!(*shop.buns.lock().unwrap(), 6);
}

fn notify_one_by_one(method: StartMethod) {
    let shop = shop();
    let mut waiters = waiters(method, &shop, 3);
    for count in 1..=3 {
        shop.baked.notify_one();
        woken(&shop, &waiters, count);
    }
    waiters.iter_mut().for_each(Child::join);
}

fn notify_all_after_others_have_timed_out(method: StartMethod) {
    let shop = shop();
    let mut late: Vec<Child<bool>> = (0..6)
        .map(|_| {
            Child::start(method, &shop, |shop: Shop, _: Turn| {
                let guard = shop.buns.lock().unwrap();
                shop.baked.wait_timeout(guard, Duration::from_millis(20)).unwrap().1.timed_out()
            })
        })
        .collect();
    assert!(late.iter_mut().all(Child::join));
    let mut waiters = waiters(method, &shop, 6);
    shop.baked.notify_all();
    waiters.iter_mut().for_each(Child::join);
    assert_eq!(*shop.buns.lock().unwrap(), 6);
}

fn a_killed_waiter(method: StartMethod) {
    let shop = shop();
    for dies in 0..3 {
        let mut waiters = waiters(method, &shop, 3);
        waiters.remove(dies).kill();
        shop.baked.notify_one();
        shop.baked.notify_one();
        waiters.iter_mut().for_each(Child::join);
    }
    assert_eq!(*shop.buns.lock().unwrap(), 6);
}

/// The notifier holds the mutex meanwhile, as Python's must.
fn killed_waiters_in_a_row(method: StartMethod) {
    let shop = shop();
    for _ in 0..5 {
        waiters(method, &shop, 1).remove(0).kill();
        let guard = shop.buns.lock().unwrap();
        shop.baked.notify_all();
        drop(guard);
    }
    let mut waiters = waiters(method, &shop, 1);
    shop.baked.notify_one();
    waiters[0].join();
}

fn a_stopped_waiter(method: StartMethod) {
    let shop = shop();
    let mut waiters = waiters(method, &shop, 2);
    waiters[0].stop();
    shop.baked.notify_all();
    waiters[1].join();
    assert_eq!(*shop.buns.lock().unwrap(), 1);
    waiters[0].resume();
    waiters[0].join();
    assert_eq!(*shop.buns.lock().unwrap(), 2);
}

fn a_waiter_is_told_of_a_death(method: StartMethod) {
    let shop = shop();
    let mut waiter = Child::start(method, &shop, |shop: Shop, mut turn: Turn| {
        let guard = shop.buns.lock().unwrap();
        turn.ready();
        let result = shop.baked.wait(guard);
        matches!(result, Err(LockError::OwnerDied(_)))
    });
    waiter.wait_asleep();
    let holder: Child<()> = Child::ready(method, &shop, |shop: Shop, mut turn: Turn| {
        let _guard = shop.buns.lock().unwrap();
        shop.baked.notify_all();
        turn.pass();
    });
    waiter.assert_asleep();
    holder.kill();
    assert!(waiter.join());
    MutexGuard::mark_consistent(&shop.buns.lock().unwrap_err().into_guard().unwrap());
}

fn wait_while_sees_changes_of_others(method: StartMethod) {
    let shop = shop();
    let mut waiter = Child::start(method, &shop, |shop: Shop, mut turn: Turn| {
        let guard = shop.buns.lock().unwrap();
        turn.ready();
        *shop.baked.wait_while(guard, |buns| *buns < 4).unwrap()
    });
    waiter.wait_asleep();
    for _ in 0..4 {
        run(
            method,
            |shop: Shop| {
                *shop.buns.lock().unwrap() += 1;
                shop.baked.notify_one();
            },
            (shop.clone(),),
        );
    }
    assert_eq!(waiter.join(), 4);
}

fn a_total_deadline_in_spite_of_notifications(method: StartMethod) {
    let shop = shop();
    let timeout = Duration::from_millis(100);
    let mut waiter = Child::start(method, &shop, |shop: Shop, mut turn: Turn| {
        turn.ready();
        let (before, timeout) = (Instant::now(), Duration::from_millis(100));
        let guard = shop.buns.lock().unwrap();
        let (_, waited) = shop.baked.wait_timeout_while(guard, timeout, |_| true).unwrap();
        (waited.timed_out(), before.elapsed())
    });
    waiter.wait_ready();
    let deadline = soon();
    let (timed_out, waited) = loop {
        shop.baked.notify_all();
        if let Some(result) = waiter.try_join() {
            break result;
        }
        assert!(Instant::now() < deadline, "notifications keep it waiting");
    };
    assert!(timed_out && waited >= timeout);
}

fn of_a_condition(method: StartMethod) {
    let condition = Condition::new().unwrap();
    let mut waiter = Child::start(method, &condition, |condition: Condition, mut turn: Turn| {
        let guard = condition.lock().unwrap();
        turn.ready();
        drop(condition.wait(guard).unwrap());
    });
    waiter.wait_asleep();
    let guard = condition.lock().unwrap();
    condition.notify_one();
    drop(guard);
    waiter.join();
    let guard = condition.lock().unwrap();
    let mut times = 0;
    let counts = || {
        times += 1;
        true
    };
    let timeout = Duration::from_millis(5);
    let (guard, waited) = condition.wait_timeout_while(guard, timeout, counts).unwrap();
    assert!(waited.timed_out() && times >= 2);
    let (guard, waited) = condition.wait_deadline(guard, past()).unwrap();
    assert!(waited.timed_out());
    drop(condition.wait_while(guard, || false).unwrap());
}
