//! Long arguments and values, and descriptors, which go by the socket, with workers that die meanwhile.

use std::fs::File;
use std::io::{Read, Seek, Write};

use ipc_pipe::{Bytes, Handle};
use pool::{Executor, TaskError};
use procspawn_core::StartMethod;
use rustix::fs::OFlags;
use rustix::process::{Resource, Rlimit};

use crate::host::{
    Tally, contents, death, each_method, kill, kill_own, nameless, one_method, own_pid, pool_of,
    until,
};
use crate::support::double;

each_method! {
    long_arguments_in_flight_to_a_worker_that_dies,
    long_values_of_a_worker_that_dies,
    files_as_arguments_and_values,
}

one_method! {
    many_long_values_in_one_task,
    a_worker_without_room_for_descriptors_costs_one_call,
    functions_and_arguments_for_a_dead_worker_go_to_others,
}

const MEBIBYTE: usize = 1 << 20;

fn measure(bytes: Bytes, fatal: bool) -> usize {
    if fatal {
        kill_own();
    }
    bytes.len()
}

fn long_arguments_in_flight_to_a_worker_that_dies(method: StartMethod) {
    let pool = pool_of(method, 2);
    let bytes: Bytes = vec![7_u8; 4 * MEBIBYTE].into();
    let send = |n: usize| pool.submit(measure, (bytes.clone(), n % 5 == 3));
    let handles: Vec<_> = (0..20).map(send).collect();
    for (n, handle) in handles.into_iter().enumerate() {
        if n % 5 == 3 {
            assert_eq!(death(handle.get()).status.signal(), Some(9));
        } else {
            assert_eq!(handle.get().unwrap(), 4 * MEBIBYTE);
        }
    }
    // Of plain numbers, as well.
    let sum = |numbers: Vec<u64>| numbers.iter().sum::<u64>();
    let numbers: Vec<u64> = (0..MEBIBYTE as u64 / 2).collect();
    let expected = numbers.iter().sum::<u64>();
    assert_eq!(pool.apply(sum, (numbers,)).unwrap(), expected);
}

fn long_values_of_a_worker_that_dies(method: StartMethod) {
    const LONG: usize = 100_000;
    let pool = pool_of(method, 2);
    let tally = Tally::new(200);
    let make = |n: usize, tally: Tally| {
        tally.add(n);
        vec![n as u8; LONG + n]
    };
    let handles: Vec<_> = (0..200).map(|n| pool.submit(make, (n, tally.clone()))).collect();
    for round in 1..5 {
        until(|| (0..200).map(|n| tally.get(n)).sum::<u64>() > 30 * round);
        pool.pids().iter().for_each(|pid| kill(*pid));
    }
    for (n, handle) in handles.into_iter().enumerate() {
        match handle.get() {
            Ok(value) => assert_eq!((value.len(), value[n]), (LONG + n, n as u8)),
            Err(error) => assert!(error.is_worker_died(), "{error}"),
        }
        assert!(tally.get(n) <= 1, "{n}");
    }
}

fn files_as_arguments_and_values(method: StartMethod) {
    let pool = pool_of(method, 2);
    let append = |Handle(mut file): Handle<File>, text: String, fatal: bool| {
        file.write_all(text.as_bytes()).unwrap();
        if fatal {
            kill_own();
        }
        Handle(file)
    };
    let file = nameless();
    // The place in a memory file is not locked between those who write at it.
    rustix::fs::fcntl_setfl(&file, OFlags::APPEND).unwrap();
    let handle = || Handle(file.try_clone().unwrap());
    let Handle(back) = pool.apply(append, (handle(), "one ".into(), false)).unwrap();
    assert_eq!(contents(back), "one ");
    death(pool.apply(append, (handle(), "two ".into(), true)).map(drop));
    let files = pool.starmap(append, (0..40).map(|_| (handle(), "x".into(), false))).unwrap();
    assert_eq!(files.len(), 40);
    let mut text = String::new();
    (&file).rewind().unwrap();
    (&file).read_to_string(&mut text).unwrap();
    assert_eq!(text, format!("one two {}", "x".repeat(40)));
}

fn many_long_values_in_one_task(method: StartMethod) {
    let pool = pool_of(method, 2);
    let make = |n: usize| vec![n as u8; 40_000];
    let all = pool.call(make).chunk_size(1000).map(0..2000).unwrap();
    assert!(all.iter().enumerate().all(|(n, value)| value.len() == 40_000 && value[9] == n as u8));
}

fn a_worker_without_room_for_descriptors_costs_one_call(method: StartMethod) {
    let pool = pool_of(method, 1);
    let crowd = || {
        let limit = Rlimit { current: Some(3), maximum: Some(3) };
        rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
    };
    let len = |Handle(file): Handle<File>| file.metadata().unwrap().len();
    pool.apply(crowd, ()).unwrap();
    match pool.apply(len, (Handle(nameless()),)) {
        Err(TaskError::Arguments(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(pool.apply(len, (Handle(nameless()),)).unwrap(), 0);
    assert_eq!(pool.apply(double, (4,)).unwrap(), 8);
}

fn functions_and_arguments_for_a_dead_worker_go_to_others(method: StartMethod) {
    let pool = pool_of(method, 1);
    let bytes: Bytes = vec![7_u8; MEBIBYTE].into();
    for _ in 0..10 {
        let pid = pool.apply(own_pid, ()).unwrap();
        kill(pid);
        let handles: Vec<_> =
            (0..10).map(|_| pool.submit(measure, (bytes.clone(), false))).collect();
        let results: Vec<_> = handles.into_iter().map(|handle| handle.get()).collect();
        for result in results {
            // It may have begun the first.
            assert!(matches!(result, Ok(MEBIBYTE) | Err(TaskError::WorkerDied(_))), "{result:?}");
        }
    }
}
