//! How a pool ends: closed, terminated, dropped, forgotten; with work in flight, from anywhere.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use pool::{Executor, Pool, TaskError};
use procspawn_core::{Process, StartMethod};

use crate::host::{
    Tally, assert_no_workers, builder, each_method, kill, one_method, pool_of, until,
};
use crate::support::{Gate, PATIENCE, double, pass};

each_method! {
    terminate_with_ten_thousand_long_tasks,
    close_does_what_there_is,
    drop_with_work_in_flight,
    a_program_that_never_closes_its_pool,
}

one_method! {
    a_quick_value_comes_though_the_next_call_is_long,
    terminate_from_a_callback,
    join_from_a_callback,
    nothing_is_taken_after_the_end,
    ended_again_and_again,
    drop_in_another_thread,
    join_gives_up,
    a_scope_ends_with_its_tasks,
    a_scope_ends_with_a_panic,
    close_while_workers_die,
    close_and_cancel_what_is_left,
    terminate_while_tasks_are_given,
    a_program_that_exits_in_the_middle,
}

fn sleep_long(_: u32) {
    std::thread::sleep(Duration::from_secs(1000));
}

#[track_caller]
fn assert_terminated<T: std::fmt::Debug>(result: Result<T, TaskError>) {
    assert!(matches!(result, Err(TaskError::Terminated)), "{result:?}");
}

fn terminate_with_ten_thousand_long_tasks(method: StartMethod) {
    let pool = pool_of(method, 2);
    let mut handles: Vec<_> = (0..5_000).map(|n| pool.submit(sleep_long, (n,))).collect();
    let many = pool.map_async(sleep_long, 0..5_000);
    pool.terminate();
    assert!(pool.join_timeout(PATIENCE), "it waits for tasks");
    handles.drain(..).for_each(|handle| assert_terminated(handle.get()));
    many.get_each().into_iter().for_each(assert_terminated);
    assert!(pool.pids().is_empty());
    assert_no_workers();
}

fn close_does_what_there_is(method: StartMethod) {
    let pool = pool_of(method, 2);
    let handles: Vec<_> = (0..500).map(|n| pool.submit(double, (n,))).collect();
    pool.close();
    assert!(matches!(pool.apply(double, (1,)), Err(TaskError::Closed)));
    pool.join();
    for (n, mut handle) in (0..).zip(handles) {
        assert_eq!(handle.try_get().unwrap().unwrap(), 2 * n);
    }
    assert_eq!(pool.stats().deaths, 0);
    assert_no_workers();
}

fn drop_with_work_in_flight(method: StartMethod) {
    let pool = pool_of(method, 2);
    let handles: Vec<_> = (0..100).map(|n| pool.submit(sleep_long, (n,))).collect();
    drop(pool);
    assert_no_workers();
    handles.into_iter().for_each(|handle| assert_terminated(handle.get()));
}

fn terminate_from_a_callback(method: StartMethod) {
    let pool = Arc::new(pool_of(method, 2));
    let handles: Vec<_> = (0..50).map(|n| pool.submit(sleep_long, (n,))).collect();
    let other = pool.clone();
    let last = pool.call(double).priority(1).submit((1,));
    kill(pool.pids()[0]);
    let ended = last.then(move |result| {
        other.terminate();
        other.join();
        result.is_ok()
    });
    ended.get().unwrap();
    pool.join();
    let ended = handles.into_iter().map(|handle| handle.get().unwrap_err());
    assert!(ended.filter(|error| !error.is_worker_died()).count() >= 48);
}

fn join_from_a_callback(method: StartMethod) {
    let pool = Arc::new(pool_of(method, 2));
    let gate = Gate::new();
    let task = pool.submit(pass, (gate.clone(), 4));
    let other = pool.clone();
    let joined = task.then(move |result| {
        other.close();
        other.join();
        result.unwrap()
    });
    gate.open();
    assert_eq!(joined.get().unwrap(), 4);
    pool.join();
    assert_no_workers();
}

fn nothing_is_taken_after_the_end(method: StartMethod) {
    let pool = pool_of(method, 1);
    pool.terminate();
    assert_terminated(pool.apply(double, (1,)));
    pool.join();
    assert_terminated(pool.apply(double, (1,)));
    assert_terminated(pool.map(double, 0..10));
    pool.close();
    pool.resize(4).unwrap();
    assert_terminated(pool.submit(double, (1,)).get());
    assert!(pool.join_timeout(PATIENCE));
    assert_no_workers();
}

fn ended_again_and_again(method: StartMethod) {
    let pool = pool_of(method, 2);
    for _ in 0..3 {
        pool.close();
        pool.close();
        pool.terminate();
        pool.join();
        pool.join();
        assert!(pool.join_timeout(Duration::ZERO));
    }
}

fn drop_in_another_thread(method: StartMethod) {
    let pool = pool_of(method, 2);
    let handle = pool.submit(sleep_long, (1,));
    let waiting = std::thread::spawn(move || handle.get());
    std::thread::spawn(move || drop(pool)).join().unwrap();
    assert_terminated(waiting.join().unwrap());
    assert_no_workers();
}

fn join_gives_up(method: StartMethod) {
    let pool = pool_of(method, 1);
    let gate = Gate::new();
    let task = pool.submit(pass, (gate.clone(), 3));
    pool.close();
    assert!(!pool.join_timeout(Duration::from_millis(20)));
    gate.open();
    assert!(pool.join_timeout(PATIENCE));
    assert_eq!(task.get().unwrap(), 3);
}

fn a_scope_ends_with_its_tasks(method: StartMethod) {
    let handles = Pool::scope(builder(method, 2), |pool| {
        (0..50).map(|n| pool.submit(double, (n,))).collect::<Vec<_>>()
    });
    assert_no_workers();
    for (n, mut handle) in (0..).zip(handles.unwrap()) {
        assert_eq!(handle.try_get().unwrap().unwrap(), 2 * n);
    }
    assert!(Pool::scope(builder(method, 0), |_| ()).is_err());
}

fn a_scope_ends_with_a_panic(method: StartMethod) {
    let caught = procspawn_core::catch_panic(|| {
        Pool::scope(builder(method, 2), |pool| {
            let _long = pool.submit(sleep_long, (1,));
            panic!("in the scope");
        })
        .is_ok()
    });
    assert_eq!(caught.unwrap_err().message, "in the scope");
    assert_no_workers();
}

fn close_while_workers_die(method: StartMethod) {
    // Many die before they are ready.
    let pool = builder(method, 2).max_start_failures(usize::MAX).build().unwrap();
    let handles: Vec<_> = (0..2000).map(|n| pool.submit(double, (n,))).collect();
    pool.close();
    while !pool.join_timeout(Duration::from_millis(1)) {
        pool.pids().iter().for_each(|pid| kill(*pid));
    }
    for (n, mut handle) in (0..).zip(handles) {
        match handle.try_get().unwrap() {
            Ok(value) => assert_eq!(value, 2 * n),
            Err(error) => assert!(error.is_worker_died(), "{error}"),
        }
    }
}

fn close_and_cancel_what_is_left(method: StartMethod) {
    for round in 0..20 {
        let pool = pool_of(method, 2);
        let handles: Vec<_> = (0..round).map(|n| pool.submit(double, (n,))).collect();
        pool.close();
        // Whoever finds the last value, the end is noticed.
        handles.iter().for_each(|handle| _ = handle.cancel());
        assert!(pool.join_timeout(PATIENCE), "round {round}");
        for handle in handles {
            let result = handle.get();
            assert!(matches!(result, Ok(_) | Err(TaskError::Cancelled)), "{result:?}");
        }
    }
}

fn terminate_while_tasks_are_given(method: StartMethod) {
    let pool = pool_of(method, 2);
    let tally = Tally::new(1);
    std::thread::scope(|scope| {
        let giver = scope.spawn(|| {
            let mut handles = Vec::new();
            loop {
                let handle = pool.submit(double, (4,));
                tally.add(0);
                let over = handle.successful() == Some(false);
                handles.push(handle);
                if over {
                    return handles;
                }
            }
        });
        until(|| tally.get(0) > 200);
        pool.terminate();
        for handle in giver.join().unwrap() {
            let result = handle.get();
            assert!(matches!(result, Ok(8) | Err(TaskError::Terminated)), "{result:?}");
        }
    });
    pool.join();
}

/// The program's life: it has a pool, and neither closes nor drops it.
fn forget_a_pool(method: StartMethod, pids: Tally, in_the_middle: bool) {
    static POOL: OnceLock<Pool> = OnceLock::new();
    let pool = POOL.get_or_init(|| pool_of(method, 2));
    assert_eq!(pool.map(double, 0..10).unwrap().len(), 10);
    for (at, pid) in pool.pids().iter().enumerate() {
        pids.set(at, (*pid).into());
    }
    drop(pool.map_async(sleep_long, 0..10));
    if in_the_middle {
        std::process::exit(5);
    }
}

fn a_program_that_never_closes_its_pool(method: StartMethod) {
    let pids = Tally::new(2);
    let program = Process::new(forget_a_pool, (method, pids.clone(), false)).daemon(false);
    let mut program = program.start_method(StartMethod::Spawn).start().unwrap();
    program.join_timeout(PATIENCE).expect("it hangs at its end").unwrap();
    assert_eq!(program.exit_status().unwrap().code(), Some(0));
    until(|| (0..2).all(|at| !crate::host::is_alive(pids.get(at) as u32)));
}

fn a_program_that_exits_in_the_middle(method: StartMethod) {
    let pids = Tally::new(2);
    let program = Process::new(forget_a_pool, (method, pids.clone(), true)).daemon(false);
    let program = program.start().unwrap();
    assert_eq!(program.wait_timeout(PATIENCE).expect("it hangs").code(), Some(5));
    until(|| (0..2).all(|at| !crate::host::is_alive(pids.get(at) as u32)));
}

/// A busy worker does not ring for every value; the pool looks without that.
fn a_quick_value_comes_though_the_next_call_is_long(method: StartMethod) {
    let pool = pool_of(method, 1);
    for round in 0..50 {
        let gate = Gate::new();
        let quick: Vec<_> = (0..20).map(|n| pool.submit(double, (n,))).collect();
        let long = pool.submit(pass, (gate.clone(), round));
        for (n, mut value) in (0..).zip(quick) {
            let value = value.get_timeout(PATIENCE).expect("nobody looks for it");
            assert_eq!(value.unwrap(), 2 * n);
        }
        gate.open();
        assert_eq!(long.get().unwrap(), round);
    }
}
