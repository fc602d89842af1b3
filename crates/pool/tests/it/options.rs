//! What can be asked for workers and for calls, where workers are processes.

use std::time::Duration;

use pool::{Executor, Pool, payload, should_stop, with_state, worker_id};
use procspawn_core::{StartMethod, current_process};
use rustix::thread::{CpuSet, sched_getaffinity};

use crate::host::{
    Tally, again, builder, each_method, kill_own, one_method, own_pid, pool_of, until,
};
use crate::support::{Gate, double, stay};

each_method! {
    each_worker_has_its_state,
    workers_have_names_and_numbers,
    workers_run_where_they_are_pinned,
    a_payload_is_sent_once_to_each,
    exit_functions_of_workers_that_leave_in_good_order,
}

one_method! {
    a_worker_that_replaces_another_is_given_the_same,
    exit_functions_that_panic,
    higher_priorities_go_first,
    a_soft_timeout_is_of_each_call_of_a_chunk,
    a_timeout_costs_its_worker_and_no_other_call,
    cancelling_costs_no_other_call,
    idle_workers_share_what_one_has_not_begun,
    statistics,
}

fn each_worker_has_its_state(method: StartMethod) {
    let tally = Tally::new(1);
    let make = |start: u32, tally: Tally| {
        tally.add(0);
        (start, own_pid())
    };
    let pool = builder(method, 2).initializer(make, (10, tally.clone())).build().unwrap();
    assert_eq!(tally.get(0), 2, "once for each");
    let next = || {
        with_state(|state: &mut (u32, u32)| {
            assert_eq!(state.1, own_pid());
            state.0 += 1;
            state.0
        })
    };
    let values: Vec<_> = (0..20).map(|_| pool.apply(next, ()).unwrap().unwrap()).collect();
    assert!(values.contains(&11) && values.iter().all(|value| (11..=30).contains(value)));
    assert_eq!(pool.apply(|| with_state(|_: &mut String| ()), ()).unwrap(), None);
    assert_eq!(tally.get(0), 2);
}

fn workers_have_names_and_numbers(method: StartMethod) {
    let pool = builder(method, 3).name("knitter").build().unwrap();
    let name = |_: u32| (worker_id().unwrap(), current_process().name().to_string());
    for (id, name) in pool.map(name, 0..50).unwrap() {
        assert_eq!(name, format!("knitter-{id}"));
        assert!(id < 3);
    }
    let (_, name) = pool_of(again(method), 1).apply(name, (0,)).unwrap();
    assert_eq!(name, "PoolWorker-0");
    assert_eq!(worker_id(), None);
}

fn workers_run_where_they_are_pinned(method: StartMethod) {
    let all = sched_getaffinity(None).unwrap();
    let cpus: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).take(2).collect();
    let pool = builder(method, 3).pin(cpus.iter().map(|cpu| vec![*cpu])).build().unwrap();
    let ask = |_: u32| {
        let set = sched_getaffinity(None).unwrap();
        let cpus: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect();
        (worker_id().unwrap(), cpus)
    };
    for (id, set) in pool.map(ask, 0..50).unwrap() {
        assert_eq!(set, [cpus[id % cpus.len()]]);
    }
    assert!(builder(again(method), 1).pin([vec![CpuSet::MAX_CPU - 1]]).build().is_err());
}

fn a_payload_is_sent_once_to_each(method: StartMethod) {
    let pool = builder(method, 2).payload(vec![3_u64; 100_000]).build().unwrap();
    let sum = |_: u32| {
        let numbers = payload::<Vec<u64>>().unwrap();
        (numbers.as_ptr() as usize, numbers.iter().sum::<u64>(), own_pid())
    };
    let all = pool.map(sum, 0..50).unwrap();
    assert!(all.iter().all(|(_, sum, _)| *sum == 300_000));
    let first = all[0];
    assert!(all.iter().filter(|it| it.2 == first.2).all(|it| it.0 == first.0), "it stays");
    assert!(pool.apply(|| payload::<String>().is_none(), ()).unwrap());
}

fn exit_functions_of_workers_that_leave_in_good_order(method: StartMethod) {
    let pool = builder(method, 3)
        .initializer(Vec::<u32>::new, ())
        .exit_function(|| with_state(|seen: &mut Vec<u32>| std::mem::take(seen)).unwrap())
        .build()
        .unwrap();
    let note = |n: u32| with_state(|seen: &mut Vec<u32>| seen.push(n)).unwrap();
    pool.map(note, 0..500).unwrap();
    assert!(pool.exit_values::<Vec<u32>>().is_empty());
    pool.close();
    pool.join();
    let values = pool.exit_values::<Vec<u32>>();
    assert_eq!(values.len(), 3);
    let mut all: Vec<u32> = values.into_iter().flat_map(Result::unwrap).collect();
    all.sort_unstable();
    assert_eq!(all, (0..500).collect::<Vec<_>>());
    assert!(pool.exit_values::<Vec<u32>>().is_empty(), "once");
}

fn a_worker_that_replaces_another_is_given_the_same(method: StartMethod) {
    let pool = builder(method, 1)
        .name("heir")
        .payload(7_u32)
        .initializer(|start: u32| start, (5,))
        .exit_function(own_pid)
        .build()
        .unwrap();
    for _ in 0..3 {
        let all = || {
            let state = with_state(|state: &mut u32| *state).unwrap();
            let name = current_process().name().to_string();
            (state, *payload::<u32>().unwrap(), worker_id().unwrap(), name)
        };
        assert_eq!(pool.apply(all, ()).unwrap(), (5, 7, 0, "heir-0".into()));
        assert!(pool.apply(kill_own, ()).unwrap_err().is_worker_died());
    }
    pool.close();
    pool.join();
    let values = pool.exit_values::<u32>();
    assert!(values.len() <= 1, "those who are killed say no farewell: {values:?}");
}

fn exit_functions_that_panic(method: StartMethod) {
    let fail = || -> u32 { panic!("no farewell from {}", worker_id().unwrap()) };
    let pool = builder(method, 2).exit_function(fail).build().unwrap();
    pool.close();
    pool.join();
    let values = pool.exit_values::<u32>();
    assert_eq!(values.len(), 2);
    assert!(values.into_iter().all(|value| value.unwrap_err().is_panicked()));
}

fn higher_priorities_go_first(method: StartMethod) {
    let pool = pool_of(method, 1);
    let (gate, order) = (Gate::new(), Tally::new(11));
    let busy = pool.submit(stay, (gate.clone(),));
    gate.await_task();
    let note = |n: u64, order: Tally| {
        let place = order.add(10);
        order.set(place as usize, n);
    };
    let send = |n, priority| pool.call(note).priority(priority).submit((n, order.clone()));
    let priorities = [0, 5, -1, 5, i32::MAX, 0, i32::MIN, -1, 5, 0];
    let tasks: Vec<_> = (0..).zip(priorities).map(|(n, priority)| send(n, priority)).collect();
    gate.open();
    tasks.into_iter().for_each(|task| task.get().unwrap());
    busy.get().unwrap();
    let order: Vec<_> = (0..10).map(|at| order.get(at)).collect();
    assert_eq!(order, [4, 1, 3, 8, 0, 5, 9, 2, 7, 6]);
}

fn a_soft_timeout_is_of_each_call_of_a_chunk(method: StartMethod) {
    let pool = pool_of(method, 1);
    let wait = |_: u32| {
        while !should_stop() {
            std::thread::sleep(Duration::from_millis(1));
        }
        own_pid()
    };
    let call = pool.call(wait).soft_timeout(Duration::from_millis(20)).chunk_size(4);
    let pids = call.map(0..8).unwrap();
    assert!(pids.iter().all(|pid| *pid == pids[0]), "nobody is killed");
}

fn a_timeout_costs_its_worker_and_no_other_call(method: StartMethod) {
    const TASKS: usize = 300;
    let pool = pool_of(method, 2);
    let tally = Tally::new(TASKS);
    // Some take about as long as they may, so that they end when their worker is to be killed.
    let task = |n: usize, tally: Tally| {
        tally.add(n);
        std::thread::sleep(Duration::from_millis(if n.is_multiple_of(3) { 5 } else { 0 }));
    };
    let limited = |n: usize| {
        let call = pool.call(task);
        let call = if n.is_multiple_of(3) { call.timeout(Duration::from_millis(5)) } else { call };
        call.submit((n, tally.clone()))
    };
    let handles: Vec<_> = (0..TASKS).map(limited).collect();
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.get() {
            Ok(()) => assert_eq!(tally.get(n), 1),
            Err(error) => assert!(n % 3 == 0 && error.is_timed_out(), "{n}: {error}"),
        }
        assert!(tally.get(n) <= 1);
    }
}

fn cancelling_costs_no_other_call(method: StartMethod) {
    const TASKS: usize = 600;
    let pool = pool_of(method, 2);
    let tally = Tally::new(TASKS);
    let task = |n: usize, tally: Tally| {
        tally.add(n);
        std::thread::sleep(Duration::from_micros(200));
    };
    let handles: Vec<_> = (0..TASKS).map(|n| pool.submit(task, (n, tally.clone()))).collect();
    for (n, handle) in handles.iter().enumerate().filter(|(n, _)| n % 7 == 0) {
        until(|| tally.get(n) == 1 || handle.ready());
        handle.cancel();
    }
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.get() {
            Ok(()) => assert_eq!(tally.get(n), 1),
            Err(error) => assert!(n % 7 == 0 && error.is_cancelled(), "{n}: {error}"),
        }
        assert!(tally.get(n) <= 1);
    }
}

fn idle_workers_share_what_one_has_not_begun(method: StartMethod) {
    let pool = pool_of(method, 3);
    // Short tasks teach the pool to hand over many; then all but one wait for each other.
    pool.call(double).chunk_size(1).map(0..3000).unwrap();
    let (first, gate) = (Gate::new(), Gate::new());
    let firsts: Vec<_> =
        (0..3).map(|n| pool.submit(crate::support::pass, (first.clone(), n))).collect();
    firsts.iter().for_each(|_| first.await_task());
    let others: Vec<_> =
        (0..3).map(|n| pool.submit(crate::support::pass, (gate.clone(), n))).collect();
    first.open();
    others.iter().for_each(|_| gate.await_task());
    gate.open();
    assert!(firsts.into_iter().chain(others).all(|task| task.get().is_ok()));
}

fn statistics(method: StartMethod) {
    let pool: Pool = pool_of(method, 2);
    pool.map(double, 0..100).unwrap();
    assert!(pool.apply(kill_own, ()).unwrap_err().is_worker_died());
    until(|| pool.pids().len() == 2);
    let stats = pool.stats();
    assert_eq!(stats.workers.len(), 2);
    assert_eq!((stats.deaths, stats.waiting), (1, 0));
    assert_eq!(stats.workers.iter().map(|worker| worker.calls).sum::<u64>(), 100);
    assert_eq!(stats.workers.iter().map(|worker| worker.starts).sum::<u64>(), 3);
    assert!(stats.workers.iter().all(|worker| worker.start_up > Duration::ZERO));
    let pids: Vec<_> = stats.workers.iter().map(|worker| worker.pid.unwrap()).collect();
    assert_eq!(pids, pool.pids());
    assert!(!stats.longest.is_empty() && stats.longest.len() <= 5);
    assert!(stats.longest.is_sorted_by(|one, other| one.took >= other.took));
}
