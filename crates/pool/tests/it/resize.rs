//! More or fewer workers while tasks run: nothing is lost, nothing is done twice.

use pool::{Executor, TaskError};
use procspawn_core::StartMethod;

use crate::host::{Tally, builder, each_method, kill, one_method, own_pid, pool_of, until};
use crate::support::{Gate, double, pass};

each_method! {
    up_and_down_while_tasks_run,
}

one_method! {
    more_workers_take_what_waits,
    fewer_workers_end_what_they_are_in,
    up_and_down_without_a_pause,
    up_again_before_the_last_has_left,
    while_workers_die,
}

fn count(n: usize, tally: Tally) -> u32 {
    tally.add(n);
    own_pid()
}

fn up_and_down_while_tasks_run(method: StartMethod) {
    let pool = pool_of(method, 2);
    let tally = Tally::new(3000);
    let handles: Vec<_> = (0..3000).map(|n| pool.submit(count, (n, tally.clone()))).collect();
    for workers in [4, 1, 3, 2] {
        pool.resize(workers).unwrap();
        assert_eq!(pool.workers(), workers);
        until(|| pool.pids().len() == workers);
    }
    assert!(handles.into_iter().all(|handle| handle.get().is_ok()));
    assert!((0..3000).all(|n| tally.get(n) == 1));
    assert_eq!(pool.stats().deaths, 0);
}

fn more_workers_take_what_waits(method: StartMethod) {
    let pool = pool_of(method, 1);
    let gate = Gate::new();
    let tasks: Vec<_> = (0..3).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    gate.await_task();
    pool.resize(3).unwrap();
    gate.await_task();
    gate.await_task();
    gate.open();
    assert!(tasks.into_iter().all(|task| task.get().is_ok()));
}

fn fewer_workers_end_what_they_are_in(method: StartMethod) {
    let pool = pool_of(method, 3);
    let gate = Gate::new();
    let tasks: Vec<_> = (0..3).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    tasks.iter().for_each(|_| gate.await_task());
    let others: Vec<_> = (0..100).map(|n| pool.submit(double, (n,))).collect();
    pool.resize(1).unwrap();
    gate.open();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(task.get().unwrap(), n);
    }
    assert!(others.into_iter().all(|task| task.get().is_ok()));
    until(|| pool.pids().len() == 1);
    assert_eq!(pool.stats().deaths, 0);
}

fn up_and_down_without_a_pause(method: StartMethod) {
    let pool = pool_of(method, 2);
    let many = pool.map_async(double, 0..2000);
    for round in 0..30 {
        pool.resize(1 + round % 4).unwrap();
    }
    pool.resize(2).unwrap();
    assert_eq!(many.get().unwrap().len(), 2000);
    until(|| pool.pids().len() == 2);
    pool.resize(5).unwrap();
    pool.close();
    pool.join();
}

fn up_again_before_the_last_has_left(method: StartMethod) {
    let pool = pool_of(method, 2);
    let gate = Gate::new();
    let tasks: Vec<_> = (0..2).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    tasks.iter().for_each(|_| gate.await_task());
    pool.resize(1).unwrap();
    pool.resize(2).unwrap();
    gate.open();
    assert!(tasks.into_iter().all(|task| task.get().is_ok()));
    let both = Gate::new();
    let tasks: Vec<_> = (0..2).map(|n| pool.submit(pass, (both.clone(), n))).collect();
    tasks.iter().for_each(|_| both.await_task());
    both.open();
    assert!(tasks.into_iter().all(|task| task.get().is_ok()));
}

fn while_workers_die(method: StartMethod) {
    let pool = builder(method, 2).max_start_failures(usize::MAX).build().unwrap();
    let tally = Tally::new(1000);
    let handles: Vec<_> = (0..1000).map(|n| pool.submit(count, (n, tally.clone()))).collect();
    for round in 0..8 {
        pool.resize(1 + round % 3).unwrap();
        pool.pids().iter().for_each(|pid| kill(*pid));
        until(|| pool.pids().len() == 1 + round % 3);
    }
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.get() {
            Ok(_) => assert_eq!(tally.get(n), 1),
            Err(TaskError::WorkerDied(_)) => assert!(tally.get(n) <= 1),
            Err(error) => panic!("{error}"),
        }
    }
}
