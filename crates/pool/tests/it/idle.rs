//! Workers that leave when there is nothing to do, and come back when there is.

use std::time::Duration;

use pool::Executor;
use procspawn_core::StartMethod;

use crate::host::{assert_no_workers, builder, each_method, one_method, own_pid, until};
use crate::support::{Gate, double, pass};

const SHORT: Duration = Duration::from_millis(20);

each_method! {
    idle_workers_leave_and_come_back,
}

one_method! {
    busy_workers_stay,
    as_many_come_back_as_are_needed,
    tasks_that_wait_for_each_other_have_a_worker_each,
    a_closed_pool_of_no_workers_ends,
}

fn idle_workers_leave_and_come_back(method: StartMethod) {
    let pool = builder(method, 2).idle_timeout(SHORT).build().unwrap();
    for _ in 0..3 {
        until(|| pool.pids().is_empty());
        assert_no_workers();
        assert_eq!(pool.workers(), 2);
        assert_eq!(pool.apply(double, (4,)).unwrap(), 8);
        assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
    }
    assert_eq!(pool.stats().deaths, 0);
}

fn busy_workers_stay(method: StartMethod) {
    let pool = builder(method, 2).idle_timeout(SHORT).build().unwrap();
    let gate = Gate::new();
    let both: Vec<_> = (0..2).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    both.iter().for_each(|_| gate.await_task());
    let pids = pool.pids();
    std::thread::sleep(3 * SHORT);
    assert_eq!(pool.pids(), pids);
    gate.open();
    assert!(both.into_iter().all(|task| task.get().is_ok()));
    until(|| pool.pids().is_empty());
}

fn as_many_come_back_as_are_needed(method: StartMethod) {
    let pool = builder(method, 4).idle_timeout(10 * SHORT).build().unwrap();
    until(|| pool.pids().is_empty());
    let gate = Gate::new();
    let task = pool.submit(pass, (gate.clone(), 1));
    gate.await_task();
    assert_eq!(pool.pids().len(), 1, "one is enough for one");
    gate.open();
    task.get().unwrap();
    assert!(pool.apply(own_pid, ()).is_ok());
}

fn tasks_that_wait_for_each_other_have_a_worker_each(method: StartMethod) {
    let pool = builder(method, 3).idle_timeout(SHORT).build().unwrap();
    for _ in 0..3 {
        until(|| pool.pids().is_empty());
        let gate = Gate::new();
        let mut tasks = vec![pool.submit(pass, (gate.clone(), 0))];
        gate.await_task();
        // One worker is there, and has room for the next; but it would not begin it.
        tasks.push(pool.submit(pass, (gate.clone(), 1)));
        gate.await_task();
        tasks.push(pool.submit(pass, (gate.clone(), 2)));
        gate.await_task();
        gate.open();
        assert!(tasks.into_iter().all(|task| task.get().is_ok()));
    }
}

fn a_closed_pool_of_no_workers_ends(method: StartMethod) {
    let pool = builder(method, 2).idle_timeout(SHORT).build().unwrap();
    until(|| pool.pids().is_empty());
    let last = pool.submit(double, (2,));
    pool.close();
    pool.join();
    assert_eq!(last.get().unwrap(), 4);
    let pool = builder(method, 2).idle_timeout(SHORT).build().unwrap();
    until(|| pool.pids().is_empty());
    pool.close();
    pool.join();
}
