//! What Python's pools get wrong, by the rows of section 2.11 of the reference on them.

use std::sync::atomic::{AtomicUsize, Ordering};

use pool::{Executor, PoolError, TaskError};
use procspawn_core::{Process, StartMethod};

use crate::host::{
    Observed, Tally, assert_no_workers, builder, death, kill, kill_own, one_method, pool_of, until,
};
use crate::support::{Gate, double, fail, pass};

one_method! {
    row_1_a_task_that_kills_itself_has_an_error_and_others_go_on,
    row_2_an_idle_worker_is_killed_and_the_next_tasks_run,
    row_10_the_parent_is_killed_and_no_child_stays,
    row_11_a_callback_panics_and_other_values_come,
    row_12_an_initializer_fails_and_the_pool_is_not_made,
    row_13_chunks_of_no_calls_are_refused,
    row_14_values_after_terminate_are_terminated,
    row_15_an_endless_iterator_is_read_as_far_as_values_are_taken,
    row_16_a_limit_of_tasks_with_a_backlog,
    row_17_a_crash_fails_its_own_task_only,
}

fn row_1_a_task_that_kills_itself_has_an_error_and_others_go_on(method: StartMethod) {
    let pool = pool_of(method, 2);
    let fatal = pool.submit(kill_own, ());
    let others: Vec<_> = (0..50).map(|n| pool.submit(double, (n,))).collect();
    let pids = pool.pids();
    let died = death(fatal.get());
    assert_eq!(died.status.signal(), Some(9));
    assert!(pids.contains(&died.pid) || !pool.pids().contains(&died.pid));
    assert!(others.into_iter().all(|other| other.get().is_ok()));
}

fn row_2_an_idle_worker_is_killed_and_the_next_tasks_run(method: StartMethod) {
    let pool = pool_of(method, 1);
    kill(pool.pids()[0]);
    until(|| pool.stats().deaths == 1);
    assert_eq!(pool.map(double, 0..10).unwrap().len(), 10);
    pool.terminate();
    pool.join();
}

fn row_10_the_parent_is_killed_and_no_child_stays(_: StartMethod) {
    let live = |pids: Tally| {
        let pool = pool_of(StartMethod::Spawn, 2);
        pids.set(0, pool.pids()[0].into());
        pids.set(1, pool.pids()[1].into());
        let _ = pool.apply(|| std::thread::sleep(std::time::Duration::from_secs(1000)), ());
    };
    let pids = Tally::new(2);
    let parent = Process::new(live, (pids.clone(),)).daemon(false).start().unwrap();
    until(|| pids.get(1) > 0);
    let workers = [pids.get(0), pids.get(1)].map(|pid| Observed::new(pid as u32));
    parent.kill().unwrap();
    parent.wait();
    workers.iter().for_each(Observed::wait_for_end);
}

fn row_11_a_callback_panics_and_other_values_come(method: StartMethod) {
    let pool = pool_of(method, 2);
    let bad = pool.submit(double, (1,)).then(|_| fail());
    let good = pool.submit(double, (2,)).then(|value| value.unwrap());
    assert!(bad.get().unwrap_err().is_panicked());
    assert_eq!(good.get().unwrap(), 4);
    assert_eq!(pool.apply(double, (3,)).unwrap(), 6);
}

fn row_12_an_initializer_fails_and_the_pool_is_not_made(method: StartMethod) {
    let error = builder(method, 2).initializer(fail, ()).build().unwrap_err();
    assert!(matches!(error, PoolError::Initializer(TaskError::Panicked { .. })), "{error}");
    assert_no_workers();
}

fn row_13_chunks_of_no_calls_are_refused(method: StartMethod) {
    let pool = pool_of(method, 1);
    let result = pool.call(double).chunk_size(0).map(0..10);
    assert!(matches!(result, Err(TaskError::Invalid(_))), "{result:?}");
}

fn row_14_values_after_terminate_are_terminated(method: StartMethod) {
    let pool = pool_of(method, 1);
    let gate = Gate::new();
    let running = pool.submit(pass, (gate.clone(), 1));
    let waiting = pool.submit(double, (1,));
    gate.await_task();
    pool.terminate();
    assert!(matches!(running.get(), Err(TaskError::Terminated)));
    assert!(matches!(waiting.get(), Err(TaskError::Terminated)));
}

fn row_15_an_endless_iterator_is_read_as_far_as_values_are_taken(method: StartMethod) {
    let pool = pool_of(method, 2);
    let read = AtomicUsize::new(0);
    let endless = (0_u32..).inspect(|_| {
        read.fetch_add(1, Ordering::Relaxed);
    });
    let mut values = pool.call(double).chunk_size(1).window(10).imap(endless);
    for n in 0..5 {
        assert_eq!(values.next().unwrap().unwrap(), 2 * n);
    }
    assert!(read.load(Ordering::Relaxed) <= 5 + 10 + 1, "{read:?}");
}

fn row_16_a_limit_of_tasks_with_a_backlog(method: StartMethod) {
    let pool = builder(method, 1).max_tasks_per_worker(2).build().unwrap();
    let handles: Vec<_> = (0..10).map(|n| pool.submit(double, (n,))).collect();
    for (n, handle) in (0..).zip(handles) {
        assert_eq!(handle.get().unwrap(), 2 * n);
    }
}

fn row_17_a_crash_fails_its_own_task_only(method: StartMethod) {
    let pool = pool_of(method, 2);
    let gate = Gate::new();
    let beside = pool.submit(pass, (gate.clone(), 1));
    gate.await_task();
    let crash = || -> u32 { std::process::abort() };
    death(pool.apply(crash, ()));
    gate.open();
    assert_eq!(beside.get().unwrap(), 1);
    assert_eq!(pool.map(double, 0..10).unwrap().len(), 10);
}
