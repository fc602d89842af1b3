//! Workers that are killed from outside, at any moment.

use std::time::Duration;

use pool::{Executor, TaskError, with_state};
use procspawn_core::StartMethod;

use crate::host::{
    Observed, Tally, builder, death, each_method, kill, one_method, own_pid, pool_of, until,
};
use crate::support::{Gate, double, pass};

each_method! {
    an_idle_worker_that_is_killed_is_replaced,
    all_idle_workers_that_are_killed_are_replaced,
    killed_in_the_middle_of_a_chunk,
    all_killed_again_and_again_under_load,
}

one_method! {
    a_worker_that_is_stopped_is_not_waited_for_at_the_end,
    what_a_dead_worker_had_not_begun_goes_to_others,
    a_fork_server_that_is_killed_is_replaced_with_its_workers,
}

fn an_idle_worker_that_is_killed_is_replaced(method: StartMethod) {
    let pool = pool_of(method, 2);
    for _ in 0..5 {
        let pid = pool.pids()[0];
        let observed = Observed::new(pid);
        kill(pid);
        observed.wait_for_end();
        // At once, when the pool may not have heard of it.
        assert_eq!(pool.map(double, 0..50).unwrap().len(), 50);
        until(|| pool.pids().len() == 2 && !pool.pids().contains(&pid));
    }
    assert_eq!(pool.stats().deaths, 5);
}

fn all_idle_workers_that_are_killed_are_replaced(method: StartMethod) {
    let pool = pool_of(method, 3);
    let before = pool.pids();
    before.iter().for_each(|pid| kill(*pid));
    let handle = pool.submit(own_pid, ());
    match handle.get() {
        Ok(pid) => assert!(!before.contains(&pid)),
        Err(error) => assert!(before.contains(&death::<()>(Err(error)).pid)),
    }
    until(|| {
        let pids = pool.pids();
        pids.len() == 3 && pids.iter().all(|pid| !before.contains(pid))
    });
}

fn killed_in_the_middle_of_a_chunk(method: StartMethod) {
    // Calls with descriptors are tasks of their own, so the gate is the worker's.
    let (gate, tally) = (Gate::new(), Tally::new(1));
    let keep = |gate: Gate, tally: Tally| (gate, tally);
    let pool = builder(method, 2).initializer(keep, (gate.clone(), tally.clone())).build().unwrap();
    let task = |n: u32| {
        if n == 2 {
            with_state(|(gate, tally): &mut (Gate, Tally)| {
                tally.set(0, own_pid().into());
                gate.pass();
            });
        }
        own_pid()
    };
    let handle = pool.call(task).chunk_size(6).map_async(0..6);
    gate.await_task();
    let killed = u32::try_from(tally.get(0)).unwrap();
    let observed = Observed::new(killed);
    kill(killed);
    observed.wait_for_end();
    gate.open();
    for (n, result) in handle.get_each().into_iter().enumerate() {
        match n {
            0 | 1 => assert_eq!(result.unwrap(), killed, "{n}"),
            2 => {
                let died = death(result);
                assert_eq!((died.pid, died.index), (killed, 2));
            }
            _ => assert_ne!(result.unwrap(), killed, "{n}"),
        }
    }
}

fn all_killed_again_and_again_under_load(method: StartMethod) {
    const TASKS: usize = 1500;
    // Some die before they are ready.
    let pool = builder(method, 3).max_start_failures(usize::MAX).build().unwrap();
    let tally = Tally::new(TASKS);
    let task = |n: usize, tally: Tally| {
        tally.add(n);
        std::thread::sleep(Duration::from_micros(300));
        own_pid()
    };
    let handles: Vec<_> = (0..TASKS).map(|n| pool.submit(task, (n, tally.clone()))).collect();
    let mut killed = Vec::new();
    for round in 0..12 {
        until(|| pool.pids().len() == 3);
        if round % 3 != 0 {
            std::thread::sleep(Duration::from_millis(round));
        }
        let pids = pool.pids();
        pids.iter().for_each(|pid| kill(*pid));
        killed.extend(pids);
    }
    let mut failed = Vec::new();
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.get() {
            Ok(_) => assert_eq!(tally.get(n), 1, "call {n}"),
            Err(TaskError::WorkerDied(died)) => {
                assert!(tally.get(n) <= 1, "call {n}");
                assert!(killed.contains(&died.pid));
                failed.push(died.pid);
            }
            Err(other) => panic!("{other}"),
        }
    }
    let count = failed.len();
    failed.sort_unstable();
    failed.dedup();
    assert_eq!(failed.len(), count, "a worker costs one call");
}

fn a_worker_that_is_stopped_is_not_waited_for_at_the_end(method: StartMethod) {
    let pool = pool_of(method, 2);
    let pids = pool.pids();
    crate::host::signal(pids[0], rustix::process::Signal::STOP);
    let handles: Vec<_> = (0..100).map(|n| pool.submit(double, (n,))).collect();
    pool.terminate();
    pool.join();
    for handle in handles {
        assert!(matches!(handle.get(), Ok(_) | Err(TaskError::Terminated)));
    }
    assert!(pool.pids().is_empty());
}

fn what_a_dead_worker_had_not_begun_goes_to_others(method: StartMethod) {
    let pool = pool_of(method, 1);
    let gate = Gate::new();
    let first = pool.submit(pass, (gate.clone(), 0));
    gate.await_task();
    let others: Vec<_> = (0..300).map(|n| pool.submit(double, (n,))).collect();
    kill(pool.pids()[0]);
    assert!(first.get().unwrap_err().is_worker_died());
    for (n, other) in (0..).zip(others) {
        assert_eq!(other.get().unwrap(), 2 * n);
    }
}

fn a_fork_server_that_is_killed_is_replaced_with_its_workers(_: StartMethod) {
    let pool = pool_of(StartMethod::ForkServer, 2);
    kill(procspawn_core::forkserver_pid().unwrap());
    for _ in 0..3 {
        let pids = pool.pids();
        pids.iter().for_each(|pid| kill(*pid));
        until(|| pool.pids().len() == 2 && pool.pids().iter().all(|pid| !pids.contains(pid)));
        assert_eq!(pool.map(double, 0..50).unwrap().len(), 50);
    }
}
