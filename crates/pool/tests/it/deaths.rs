//! Tasks that end their worker, each in another way: the task has failed, all else goes on.

use std::io::Write;
use std::time::Duration;

use pool::{Executor, Pool};
use procspawn_core::StartMethod;
use rustix::process::{Resource, Rlimit, Signal};

use crate::host::{
    close_all, contents, death, each_method, kill_own, nameless, one_method, own_pid, pool_of,
    until,
};
use crate::support::{Gate, double, fail, pass};

each_method! {
    a_task_that_kills_its_worker,
    a_task_that_exits,
    a_task_that_aborts,
    a_task_that_panics_costs_no_worker,
    a_task_that_stops_its_worker_runs_into_its_timeout,
    a_task_that_closes_all_descriptors,
}

one_method! {
    the_error_tells_who_died_how_and_where,
    a_task_that_wants_more_memory_than_there_is,
    what_a_task_prints_is_seen_when_its_worker_is_idle,
    a_thread_that_a_task_leaves_behind_may_kill_the_worker,
}

/// Whether both workers work.
#[track_caller]
fn assert_sound(pool: &Pool) {
    let gate = Gate::new();
    let both: Vec<_> = (0..2).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    both.iter().for_each(|_| gate.await_task());
    gate.open();
    let values = both.into_iter().map(|task| task.get().unwrap());
    assert_eq!(values.collect::<Vec<_>>(), [0, 1]);
    assert_eq!(pool.map(double, 0..100).unwrap(), (0..100).map(double).collect::<Vec<_>>());
}

/// Gives a task that ends its worker beside one that must not notice.
#[track_caller]
fn beside_another(pool: &Pool, fatal: impl FnOnce(&Pool)) {
    let gate = Gate::new();
    let other = pool.submit(pass, (gate.clone(), 5));
    gate.await_task();
    fatal(pool);
    gate.open();
    assert_eq!(other.get().unwrap(), 5);
    assert_sound(pool);
}

fn a_task_that_kills_its_worker(method: StartMethod) {
    let pool = pool_of(method, 2);
    beside_another(&pool, |pool| {
        let died = death(pool.apply(kill_own, ()));
        assert_eq!(died.status.signal(), Some(9));
        assert!(!died.out_of_memory);
    });
    assert_eq!(pool.stats().deaths, 1);
}

fn a_task_that_exits(method: StartMethod) {
    let pool = pool_of(method, 2);
    for code in [0, 7, 255] {
        beside_another(&pool, |pool| {
            let exit = |code: i32| -> u32 { std::process::exit(code) };
            assert_eq!(death(pool.apply(exit, (code,))).status.code(), Some(code));
        });
    }
}

fn a_task_that_aborts(method: StartMethod) {
    let pool = pool_of(method, 2);
    beside_another(&pool, |pool| {
        let died = death(pool.apply(|| -> u32 { std::process::abort() }, ()));
        assert_eq!(died.status.signal(), Some(6));
    });
}

fn a_task_that_panics_costs_no_worker(method: StartMethod) {
    let pool = pool_of(method, 1);
    let before = pool.apply(own_pid, ()).unwrap();
    for _ in 0..20 {
        assert!(pool.apply(fail, ()).unwrap_err().is_panicked());
    }
    assert_eq!(pool.apply(own_pid, ()).unwrap(), before);
    assert_eq!(pool.stats().deaths, 0);
}

fn a_task_that_stops_its_worker_runs_into_its_timeout(method: StartMethod) {
    let pool = pool_of(method, 2);
    beside_another(&pool, |pool| {
        let stop = || {
            rustix::process::kill_process(rustix::process::getpid(), Signal::STOP).unwrap();
        };
        let limited = pool.call(stop).timeout(Duration::from_millis(50)).apply(());
        assert!(limited.unwrap_err().is_timed_out());
    });
}

fn a_task_that_closes_all_descriptors(method: StartMethod) {
    let pool = pool_of(method, 1);
    let close = |_: u32| {
        close_all();
        own_pid()
    };
    let before = pool.apply(own_pid, ()).unwrap();
    assert_eq!(pool.apply(close, (0,)).unwrap(), before, "its value counts");
    until(|| pool.pids().first().is_some_and(|pid| *pid != before));
    assert_ne!(pool.apply(own_pid, ()).unwrap(), before);
    // Nothing is lost of what comes after it, wherever that runs.
    let all = pool.call(close).chunk_size(3).map(0..30).unwrap();
    assert_eq!(all.len(), 30);
    assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
}

fn the_error_tells_who_died_how_and_where(method: StartMethod) {
    let pool = pool_of(method, 2);
    let die_at_three = |n: u32| {
        if n == 3 {
            kill_own();
        }
        (own_pid(), pool::worker_id().unwrap())
    };
    let mut pids = pool.pids();
    for chunk in [1, 7] {
        let each = pool.call(die_at_three).chunk_size(chunk).map_each(0..7).unwrap();
        pids.extend(pool.pids());
        for (n, result) in each.into_iter().enumerate() {
            if n != 3 {
                result.unwrap();
                continue;
            }
            let died = death(result);
            assert!(pids.contains(&died.pid) && died.worker < 2);
            assert_eq!((died.index, died.status.signal()), (3, Some(9)));
            let text = died.to_string();
            assert!(text.contains(&died.pid.to_string()) && text.contains("call 3"), "{text}");
            assert!(died.function.contains("the_error_tells"), "{}", died.function);
        }
        until(|| pool.pids().len() == 2);
        pids = pool.pids();
    }
}

fn a_task_that_wants_more_memory_than_there_is(method: StartMethod) {
    let pool = pool_of(method, 2);
    let hoard = || {
        let limit = Rlimit { current: Some(1 << 30), maximum: Some(1 << 30) };
        rustix::process::setrlimit(Resource::As, limit).unwrap();
        let hoard: Vec<Vec<u8>> = (0..64).map(|_| Vec::with_capacity(1 << 26)).collect();
        std::hint::black_box(&hoard).len()
    };
    let died = death(pool.apply(hoard, ()));
    assert_eq!(died.status.signal(), Some(6));
    assert!(!died.out_of_memory, "the limit is its own, not the group's");
    assert_sound(&pool);
}

fn what_a_task_prints_is_seen_when_its_worker_is_idle(method: StartMethod) {
    let output = nameless();
    rustix::stdio::dup2_stdout(&output).unwrap();
    let pool = pool_of(method, 1);
    pool.apply(|| std::io::stdout().write_all(b"half a line").unwrap(), ()).unwrap();
    until(|| contents(output.try_clone().unwrap()) == "half a line");
}

fn a_thread_that_a_task_leaves_behind_may_kill_the_worker(method: StartMethod) {
    let pool = pool_of(method, 2);
    let gate = Gate::new();
    let bomb = |gate: Gate| {
        std::thread::spawn(move || {
            gate.pass();
            std::process::abort();
        });
    };
    pool.apply(bomb, (gate.clone(),)).unwrap();
    gate.await_task();
    gate.open();
    until(|| pool.stats().deaths == 1);
    assert_sound(&pool);
}
