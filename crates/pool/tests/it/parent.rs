//! What becomes of workers when the pool's process is killed, or interrupted, be it a worker itself.

use std::time::Duration;

use pool::Executor;
use procspawn_core::{Process, StartMethod};
use rustix::process::Signal;

use crate::host::{
    Observed, Tally, again, builder, each_method, kill, one_method, own_pid, pool_of, until,
};
use crate::support::{Gate, double, pass};

each_method! {
    workers_die_with_their_parent_under_load,
    idle_workers_die_with_their_parent,
    workers_ignore_interrupts,
    pools_within_workers,
}

one_method! {
    workers_of_workers_die_with_the_first_parent,
}

/// Never ends, and never makes a system call.
fn spin() -> u32 {
    let mut n = 0_u32;
    while std::hint::black_box(n) < u32::MAX {
        n = std::hint::black_box((n + 1) % 1000);
    }
    n
}

fn spin_for(_: u32) -> u32 {
    spin()
}

/// The life of a program with a pool that is killed.
fn live(method: StartMethod, load: bool, pids: Tally) {
    let pool = pool_of(method, 3);
    let tasks: Vec<_> = (0..if load { 50 } else { 0 }).map(|_| pool.submit(spin, ())).collect();
    pids.set(0, pool.pids()[0].into());
    pids.set(1, pool.pids()[1].into());
    pids.set(2, pool.pids()[2].into());
    pids.set(3, 1);
    tasks.into_iter().for_each(|task| drop(task.get()));
    std::thread::sleep(Duration::from_secs(1000));
}

#[track_caller]
fn kill_the_parent(method: StartMethod, load: bool) {
    let pids = Tally::new(4);
    let program = Process::new(live, (method, load, pids.clone())).daemon(false);
    let program = program.start_method(StartMethod::Spawn).start().unwrap();
    until(|| pids.get(3) == 1);
    let workers: Vec<_> = (0..3).map(|at| Observed::new(pids.get(at) as u32)).collect();
    program.kill().unwrap();
    assert_eq!(program.wait().signal(), Some(9));
    workers.iter().for_each(Observed::wait_for_end);
}

fn workers_die_with_their_parent_under_load(method: StartMethod) {
    kill_the_parent(method, true);
}

fn idle_workers_die_with_their_parent(method: StartMethod) {
    kill_the_parent(method, false);
}

fn workers_of_workers_die_with_the_first_parent(method: StartMethod) {
    let pids = Tally::new(4);
    // In a worker of a worker's pool.
    let nest = |method: StartMethod, pids: Tally| {
        let pool = pool_of(method, 1);
        drop(pool.apply(live, (method, true, pids)));
    };
    let program = Process::new(nest, (method, pids.clone())).daemon(false).start().unwrap();
    until(|| pids.get(3) == 1);
    let workers: Vec<_> = (0..3).map(|at| Observed::new(pids.get(at) as u32)).collect();
    program.kill().unwrap();
    program.wait();
    workers.iter().for_each(Observed::wait_for_end);
}

fn workers_ignore_interrupts(method: StartMethod) {
    let pool = pool_of(method, 2);
    let (before, gate) = (pool.pids(), Gate::new());
    let busy = pool.submit(pass, (gate.clone(), 6));
    gate.await_task();
    // SAFETY: to ignore a signal runs no code.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
    // What a terminal does at Ctrl-C.
    let group = rustix::process::getpgrp();
    for _ in 0..5 {
        rustix::process::kill_process_group(group, Signal::INT).unwrap();
        assert_eq!(pool.map(double, 0..20).unwrap().len(), 20);
    }
    gate.open();
    assert_eq!(busy.get().unwrap(), 6);
    assert_eq!((pool.pids(), pool.stats().deaths), (before, 0));
}

fn pools_within_workers(method: StartMethod) {
    let pool = pool_of(method, 2);
    let nested = |method: StartMethod, upto: u32| {
        let inner = builder(method, 2).build().unwrap();
        inner.map(double, 0..upto).unwrap().into_iter().sum::<u32>()
    };
    // A worker has threads once it has had a pool of its own.
    let method = again(method);
    assert_eq!(
        pool.starmap(nested, [(method, 10), (method, 20), (method, 1)]).unwrap(),
        [90, 380, 0]
    );

    let (pids, gate) = (Tally::new(3), Gate::new());
    let stay = |method: StartMethod, pids: Tally, gate: Gate| {
        let inner = builder(method, 2).build().unwrap();
        pids.set(2, own_pid().into());
        for (at, pid) in inner.pids().iter().enumerate() {
            pids.set(at, (*pid).into());
        }
        let _long = inner.map_async(spin_for, 0..10);
        gate.pass();
    };
    let handle = pool.submit(stay, (method, pids.clone(), gate.clone()));
    gate.await_task();
    let inner: Vec<_> = (0..2).map(|at| Observed::new(pids.get(at) as u32)).collect();
    kill(pids.get(2) as u32);
    assert!(handle.get().unwrap_err().is_worker_died());
    inner.iter().for_each(Observed::wait_for_end);
    assert_eq!(pool.apply(double, (2,)).unwrap(), 4);
}
