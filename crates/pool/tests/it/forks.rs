//! Forks by hand: of a worker, whose copy must not go on as one, and of the pool's process, whose copy
//! has no pool.

use pool::{Executor, TaskError};
use procspawn_core::StartMethod;
use rustix::process::{WaitOptions, waitpid};

use crate::host::{
    Tally, builder, each_method, fork, is_alive, leave, one_method, own_pid, pid_of, pool_of, until,
};
use crate::support::{Gate, double, pass};

each_method! {
    a_task_that_forks_and_returns_twice,
    a_forked_process_has_no_pool,
}

one_method! {
    an_initializer_that_forks_and_returns_twice,
    a_task_may_fork_and_have_its_child_leave,
}

/// Counts a call, in whatever process makes it.
fn count(tally: Tally) -> u32 {
    tally.add(0);
    own_pid()
}

fn a_task_that_forks_and_returns_twice(method: StartMethod) {
    let tally = Tally::new(2);
    let farewell = |tally: &Tally| tally.get(1);
    let pool = builder(method, 2)
        .initializer(|tally: Tally| tally, (tally.clone(),))
        .exit_function(|| pool::with_state(|tally: &mut Tally| tally.add(1)))
        .build()
        .unwrap();
    let (mine, copy) = pool
        .apply(
            || {
                let copy = fork();
                (own_pid(), copy)
            },
            (),
        )
        .unwrap();
    assert!(copy != 0 && pool.pids().contains(&mine), "the value is the worker's");
    assert_eq!(pool.map(count, (0..200).map(|_| tally.clone())).unwrap().len(), 200);
    assert_eq!(tally.get(0), 200, "each call is made once");
    until(|| !is_alive(copy as u32));
    pool.close();
    pool.join();
    assert_eq!(farewell(&tally), 2, "two workers say farewell");
    assert_eq!(pool.stats().deaths, 0);
}

fn an_initializer_that_forks_and_returns_twice(method: StartMethod) {
    let tally = Tally::new(1);
    let pool = builder(method, 2).initializer(fork, ()).build().unwrap();
    assert_eq!(pool.map(count, (0..200).map(|_| tally.clone())).unwrap().len(), 200);
    assert_eq!(tally.get(0), 200);
    let copy = pool.apply(|| pool::with_state(|copy: &mut i32| *copy), ()).unwrap().unwrap();
    assert!(copy > 0);
    until(|| !is_alive(copy as u32));
}

fn a_task_may_fork_and_have_its_child_leave(method: StartMethod) {
    let pool = pool_of(method, 2);
    let task = |code: i32| {
        let child = fork();
        if child == 0 {
            leave(code);
        }
        let (_, status) =
            waitpid(Some(pid_of(child as u32)), WaitOptions::empty()).unwrap().unwrap();
        status.exit_status()
    };
    for code in 0..5 {
        assert_eq!(pool.apply(task, (code,)).unwrap(), Some(code));
    }
    assert_eq!(pool.stats().deaths, 0);
}

fn a_forked_process_has_no_pool(method: StartMethod) {
    let pool = pool_of(method, 2);
    assert_eq!(pool.apply(double, (1,)).unwrap(), 2);
    let busy = pool.map_async(double, 0..1000);
    let gate = Gate::new();
    let waiting = pool.submit(pass, (gate.clone(), 1));
    let child = fork();
    if child == 0 {
        let refused = |error: TaskError| matches!(error, TaskError::NotOwner);
        let mut right = refused(pool.apply(double, (1,)).unwrap_err());
        right &= refused(pool.map(double, 0..10).unwrap_err());
        pool.close();
        pool.terminate();
        pool.join();
        right &= pool.resize(5).is_ok() && pool.pids().is_empty();
        right &= pool.stats().workers.is_empty() && !format!("{pool:?}").is_empty();
        drop(busy);
        // What was given before the fork ends in the parent.
        right &= refused(waiting.get().unwrap_err());
        drop(pool);
        leave(if right { 7 } else { 8 });
    }
    let (_, status) = waitpid(Some(pid_of(child as u32)), WaitOptions::empty()).unwrap().unwrap();
    assert_eq!(status.exit_status(), Some(7));
    gate.open();
    assert_eq!(waiting.get().unwrap(), 1);
    assert_eq!(busy.get().unwrap().len(), 1000);
    assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
    assert_eq!((pool.stats().deaths, pool.pids().len()), (0, 2));
}
