//! Pools that cannot be made, and workers that cannot be replaced: an error with its cause, no process
//! left, and no attempt after attempt.

use std::os::fd::AsRawFd;
use std::time::Duration;

use pool::{Executor, Pool, PoolError, TaskError, with_state};
use procspawn_core::StartMethod;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::{Deserialize, Deserializer, Serialize};

use crate::host::{
    Tally, again, assert_no_workers, builder, close_all, each_method, kill, kill_own, one_method,
    until,
};
use crate::support::{Gate, double, pass};

each_method! {
    an_initializer_that_panics,
    an_initializer_that_exits,
    an_initializer_that_fails,
    a_payload_that_cannot_be_decoded,
    the_fourth_worker_cannot_be_started,
    an_initializer_that_fails_in_replacements_only,
}

one_method! {
    nonsense_is_refused,
    an_initializer_that_is_killed_says_so,
    only_one_initializer_fails,
    starts_that_the_system_refuses_are_tried_again_after_a_pause,
    a_pool_whose_workers_cannot_be_started_is_broken,
    an_initializer_that_closes_all_descriptors,
    workers_that_die_as_soon_as_they_are_ready_do_not_keep_a_pool_from_being_made,
}

fn nonsense_is_refused(method: StartMethod) {
    assert!(matches!(builder(method, 0).build(), Err(PoolError::NoWorkers)));
    let zero = builder(method, 1).max_tasks_per_worker(0).build().unwrap_err();
    assert!(matches!(zero, PoolError::Zero(_)), "{zero}");
    let pool = builder(method, 1).build().unwrap();
    assert!(matches!(pool.resize(0), Err(PoolError::NoWorkers)));
}

/// Fails in those processes whose turn it is.
fn fail_from(turn: u64, tally: Tally) {
    assert!(tally.add(0) < turn, "not the turn of this one");
}

fn an_initializer_that_panics(method: StartMethod) {
    let tally = Tally::new(1);
    let error = builder(method, 3).initializer(fail_from, (0, tally.clone())).build().unwrap_err();
    match &error {
        PoolError::Initializer(TaskError::Panicked { message, location, .. }) => {
            assert_eq!(message, "not the turn of this one");
            assert!(location.contains("building.rs"), "{location}");
        }
        other => panic!("{other:?}"),
    }
    assert!(tally.get(0) <= 3, "it is not tried again");
    assert_no_workers();
}

fn an_initializer_that_exits(method: StartMethod) {
    for (code, method) in [(0, method), (9, again(method))] {
        let exit = |code: i32| std::process::exit(code);
        let error = builder(method, 2).initializer(exit, (code,)).build().unwrap_err();
        match &error {
            PoolError::WorkerDied(died) => assert_eq!(died.status.code(), Some(code)),
            other => panic!("{other:?}"),
        }
        assert_no_workers();
    }
}

fn an_initializer_that_fails(method: StartMethod) {
    let parse = |text: String| text.parse::<u32>();
    let error = builder(method, 2).try_initializer(parse, ("four".into(),)).build().unwrap_err();
    assert!(error.to_string().contains("invalid digit"), "{error}");
    assert!(matches!(error, PoolError::Initializer(_)));
    assert_no_workers();
    let pool = builder(again(method), 2).try_initializer(parse, ("4".into(),)).build().unwrap();
    assert_eq!(pool.apply(|| with_state(|state: &mut u32| *state), ()).unwrap(), Some(4));
}

#[derive(Serialize)]
struct OneWay;

impl<'de> Deserialize<'de> for OneWay {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("no way back"))
    }
}

fn a_payload_that_cannot_be_decoded(method: StartMethod) {
    let error = builder(method, 2).payload(OneWay).build().unwrap_err();
    assert!(error.to_string().contains("no way back"), "{error}");
    assert_no_workers();
}

/// Lets this process have so many more descriptors, or as many as before.
fn room_for(more: Option<u64>) {
    static BEFORE: std::sync::OnceLock<Option<u64>> = std::sync::OnceLock::new();
    let limit = getrlimit(Resource::Nofile);
    let before = *BEFORE.get_or_init(|| limit.current);
    let next = || rustix::io::dup(std::io::stdin()).unwrap().as_raw_fd() as u64;
    let current = more.map(|more| next() + more).or(before);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current, ..limit }).unwrap();
}

fn the_fourth_worker_cannot_be_started(method: StartMethod) {
    // The fork server, if it is one, is there.
    drop(builder(method, 1).build().unwrap());
    let method = again(method);
    let mut failed = 0;
    for more in (0..200).step_by(6) {
        room_for(Some(more));
        let built = builder(method, 4).build();
        room_for(None);
        match built {
            Ok(pool) => {
                assert_eq!(pool.map(double, 0..20).unwrap().len(), 20);
                break;
            }
            Err(_) => failed += 1,
        }
        assert_no_workers();
    }
    assert!(failed > 3, "the limit has not been reached {failed}");
}

fn an_initializer_that_fails_in_replacements_only(method: StartMethod) {
    let tally = Tally::new(1);
    let starts = |tally: &Tally| tally.get(0);
    let pool = builder(method, 2)
        .initializer(fail_from, (2, tally.clone()))
        .max_start_failures(4)
        .build()
        .unwrap();
    let gate = Gate::new();
    let running: Vec<_> = (0..2).map(|n| pool.submit(pass, (gate.clone(), n))).collect();
    running.iter().for_each(|_| gate.await_task());
    let waiting: Vec<_> = (0..100).map(|n| pool.submit(double, (n,))).collect();
    pool.pids().iter().for_each(|pid| kill(*pid));
    for handle in running {
        let error = handle.get().unwrap_err();
        assert!(error.is_worker_died() || matches!(error, TaskError::Broken(_)), "{error}");
    }
    for handle in waiting {
        match handle.get() {
            Err(TaskError::Broken(why)) => assert!(why.contains("not the turn"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(pool.apply(double, (1,)), Err(TaskError::Broken(_))));
    pool.join();
    let count = starts(&tally);
    assert!((2 + 5..=2 + 6).contains(&count), "{count} starts");
    assert_no_workers();
    assert_eq!(starts(&tally), count, "it goes on");
}

fn an_initializer_that_is_killed_says_so(method: StartMethod) {
    let error = builder(method, 2).initializer(kill_own, ()).build().unwrap_err();
    match &error {
        PoolError::WorkerDied(died) => assert_eq!(died.status.signal(), Some(9)),
        other => panic!("{other:?}"),
    }
    assert_no_workers();
}

fn only_one_initializer_fails(method: StartMethod) {
    for turn in 0..4 {
        let fail_at = |turn: u64, tally: Tally| assert!(tally.add(0) != turn);
        let tally = Tally::new(1);
        let error = builder(method, 4).initializer(fail_at, (turn, tally)).build().unwrap_err();
        assert!(matches!(error, PoolError::Initializer(_)), "{error}");
        assert_no_workers();
    }
}

fn starts_that_the_system_refuses_are_tried_again_after_a_pause(method: StartMethod) {
    let pool = builder(method, 3).max_start_failures(1000).build().unwrap();
    room_for(Some(0));
    pool.pids().iter().for_each(|pid| kill(*pid));
    let handle = pool.submit(double, (4,));
    until(|| pool.pids().is_empty());
    // Without a pause, there are more failures in this time than are allowed.
    std::thread::sleep(Duration::from_millis(500));
    room_for(None);
    let value = handle.get();
    assert!(matches!(value, Ok(8) | Err(TaskError::WorkerDied(_))), "{value:?}");
    until(|| pool.pids().len() == 3);
    assert_eq!(pool.map(double, 0..20).unwrap().len(), 20);
}

fn a_pool_whose_workers_cannot_be_started_is_broken(method: StartMethod) {
    let pool = builder(method, 2).max_start_failures(1).build().unwrap();
    room_for(Some(0));
    pool.pids().iter().for_each(|pid| kill(*pid));
    until(|| pool.pids().is_empty());
    let handle = pool.submit(double, (4,));
    pool.close();
    assert!(matches!(handle.get(), Err(TaskError::Broken(_))));
    pool.join();
    room_for(None);
}

fn an_initializer_that_closes_all_descriptors(method: StartMethod) {
    // Whatever it is, it is no hang.
    let built: Result<Pool, PoolError> = builder(method, 1).initializer(close_all, ()).build();
    drop(built);
    assert_no_workers();
}

fn workers_that_die_as_soon_as_they_are_ready_do_not_keep_a_pool_from_being_made(
    method: StartMethod,
) {
    let idle = Duration::from_nanos(1);
    for _ in 0..3 {
        let pool = builder(method, 3).idle_timeout(idle).build().unwrap();
        assert_eq!(pool.map(double, 0..20).unwrap().len(), 20);
        let pool = builder(method, 3).max_worker_age(idle).build().unwrap();
        assert_eq!(pool.map(double, 0..20).unwrap().len(), 20);
        let pool = builder(method, 3).max_worker_memory(1).build().unwrap();
        assert_eq!(pool.map(double, 0..20).unwrap().len(), 20);
    }
}
