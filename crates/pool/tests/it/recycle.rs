//! Workers that are replaced by fresh ones when they have worked for long enough.

use std::collections::HashMap;
use std::time::Duration;

use pool::Executor;
use procspawn_core::StartMethod;

use crate::host::{again, builder, each_method, one_method, own_pid, until};
use crate::support::{Gate, double, pass};

each_method! {
    after_so_many_calls_exactly,
    with_a_limit_of_one_and_an_early_close,
}

one_method! {
    by_calls_with_a_backlog_of_chunks,
    by_calls_with_priorities,
    by_age,
    by_age_it_ends_what_it_is_in,
    by_memory,
    exit_functions_of_those_who_are_replaced,
}

/// How many calls each process made.
fn per_pid(pids: impl IntoIterator<Item = u32>) -> HashMap<u32, u64> {
    let mut counts = HashMap::new();
    pids.into_iter().for_each(|pid| *counts.entry(pid).or_default() += 1);
    counts
}

fn after_so_many_calls_exactly(method: StartMethod) {
    for (limit, calls, method) in [(3, 12, method), (1, 5, again(method)), (10, 30, again(method))]
    {
        let pool = builder(method, 1).max_tasks_per_worker(limit).build().unwrap();
        let one_by_one: Vec<_> = (0..calls).map(|_| pool.apply(own_pid, ()).unwrap()).collect();
        let counts = per_pid(one_by_one);
        assert_eq!(counts.len() as u64, calls / limit);
        assert!(counts.values().all(|count| *count == limit), "{counts:?}");
        let handles: Vec<_> = (0..calls).map(|_| pool.submit(own_pid, ())).collect();
        let counts = per_pid(handles.into_iter().map(|handle| handle.get().unwrap()));
        assert!(counts.values().all(|count| *count == limit), "{counts:?}");
    }
}

fn with_a_limit_of_one_and_an_early_close(method: StartMethod) {
    let pool = builder(method, 2).max_tasks_per_worker(1).build().unwrap();
    let handles: Vec<_> = (0..30).map(|n| pool.submit(|n: u32| (n, own_pid()), (n,))).collect();
    pool.close();
    pool.join();
    let mut pids = Vec::new();
    for (n, mut handle) in (0..).zip(handles) {
        let (value, pid) = handle.try_get().unwrap().unwrap();
        assert_eq!(value, n);
        pids.push(pid);
    }
    assert!(per_pid(pids).values().all(|count| *count == 1));
    let stats = pool.stats();
    assert_eq!(stats.deaths, 0);
    assert_eq!(stats.workers.iter().map(|worker| worker.starts).sum::<u64>(), 30, "and no more");
}

fn by_calls_with_a_backlog_of_chunks(method: StartMethod) {
    let pool = builder(method, 2).max_tasks_per_worker(7).build().unwrap();
    let pid = |_: u32| own_pid();
    for chunk in [1, 4, 7, 20, 1000] {
        let counts = per_pid(pool.call(pid).chunk_size(chunk).map(0..100).unwrap());
        assert!(counts.values().all(|count| *count <= 7), "{chunk}: {counts:?}");
    }
    assert_eq!(pool.imap(double, 0..100).map(Result::unwrap).sum::<u32>(), 9900);
}

fn by_calls_with_priorities(method: StartMethod) {
    let pool = builder(method, 1).max_tasks_per_worker(5).build().unwrap();
    let gate = Gate::new();
    let first = pool.submit(pass, (gate.clone(), 0));
    gate.await_task();
    // Each overtakes those before, so that what was handed over is taken back again and again.
    let send = |n| pool.call(own_pid).priority(n).submit(());
    let handles: Vec<_> = (0..19).map(send).collect();
    gate.open();
    first.get().unwrap();
    let counts = per_pid(handles.into_iter().map(|handle| handle.get().unwrap()));
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [4, 5, 5, 5]);
}

fn by_age(method: StartMethod) {
    let pool = builder(method, 2).max_worker_age(Duration::from_millis(30)).build().unwrap();
    let before = pool.pids();
    // Idle ones, too.
    until(|| {
        let pids = pool.pids();
        pids.len() == 2 && pids.iter().all(|pid| !before.contains(pid))
    });
    for _ in 0..20 {
        assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
    }
    assert_eq!(pool.stats().deaths, 0);
}

fn by_age_it_ends_what_it_is_in(method: StartMethod) {
    let pool = builder(method, 1).max_worker_age(Duration::from_millis(20)).build().unwrap();
    let gate = Gate::new();
    let busy = pool.submit(pass, (gate.clone(), 3));
    gate.await_task();
    let others: Vec<_> = (0..50).map(|n| pool.submit(double, (n,))).collect();
    std::thread::sleep(Duration::from_millis(40));
    assert!(!busy.ready());
    gate.open();
    assert_eq!(busy.get().unwrap(), 3);
    assert!(others.into_iter().all(|other| other.get().is_ok()));
    assert_eq!(pool.stats().deaths, 0);
}

fn by_memory(method: StartMethod) {
    let pool = builder(method, 1).max_worker_memory(100 << 20).build().unwrap();
    let before = pool.apply(own_pid, ()).unwrap();
    let hoard = || {
        std::mem::forget(vec![1_u8; 200 << 20]);
        own_pid()
    };
    assert_eq!(pool.apply(hoard, ()).unwrap(), before);
    until(|| pool.pids().first().is_some_and(|pid| *pid != before));
    assert_ne!(pool.apply(own_pid, ()).unwrap(), before);
    assert_eq!(pool.stats().deaths, 0);
}

fn exit_functions_of_those_who_are_replaced(method: StartMethod) {
    let pool = builder(method, 2).max_tasks_per_worker(2).exit_function(own_pid).build().unwrap();
    let pids: Vec<_> = (0..20).map(|_| pool.apply(own_pid, ()).unwrap()).collect();
    pool.close();
    pool.join();
    let said = pool.exit_values::<u32>();
    let said: Vec<_> = said.into_iter().map(Result::unwrap).collect();
    assert!(pids.iter().all(|pid| said.contains(pid)));
    assert!((10..=12).contains(&said.len()), "{}", said.len());
}
