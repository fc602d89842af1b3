//! All at once, in an order that a seed gives: tasks of every kind are given, cancelled, killed and
//! overtaken while the pool is resized and its workers are recycled. Every handle resolves to what can
//! have come of its task, and no task is made twice.

use std::time::{Duration, Instant};

use pool::{Executor, Handle, Pool, TaskError};
use procspawn_core::StartMethod;

use crate::host::{Tally, builder, each_method, kill, kill_own, one_method, pool_of};
use crate::support::{PATIENCE, double, fail};

each_method! {
    everything_at_once,
}

one_method! {
    everything_at_once_with_recycled_workers,
    everything_at_once_with_idle_workers_that_leave,
    an_idle_pool_uses_no_processor,
}

const TASKS: usize = 1200;
const SOON: Duration = Duration::from_millis(3);

/// Numbers that look random, by xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A task of some kind, which counts that it is made.
fn work(number: usize, kind: u64, tally: Tally) -> Vec<u8> {
    tally.add(number);
    match kind {
        0 => kill_own(),
        1 => fail(),
        2 => std::thread::sleep(SOON),
        3 => return vec![number as u8; 50_000],
        4 => std::thread::sleep(Duration::from_micros(100)),
        _ => {}
    }
    vec![number as u8]
}

/// What is known of a task that was given.
struct Given {
    handle: Handle<Vec<u8>>,
    kind: u64,
    timed: bool,
    cancelled: bool,
}

#[track_caller]
fn assert_possible(number: usize, given: Given, tally: &Tally) {
    let Given { mut handle, kind, timed, cancelled } = given;
    let result = handle.get_timeout(PATIENCE).unwrap_or_else(|| panic!("task {number} is lost"));
    let made = tally.get(number);
    match result {
        Ok(value) => {
            assert!(kind > 1 && made == 1, "task {number} of kind {kind}, made {made} times");
            assert_eq!(value.len(), if kind == 3 { 50_000 } else { 1 });
            assert!(value.iter().all(|byte| *byte == number as u8));
        }
        Err(TaskError::Panicked { .. }) => assert!(kind == 1 && made == 1),
        // Somebody has killed it from outside.
        Err(TaskError::WorkerDied(_)) => assert!(made <= 1),
        Err(TaskError::Cancelled) => assert!(cancelled && made <= 1),
        Err(TaskError::TimedOut(_)) => assert!(timed && made <= 1),
        Err(error) => panic!("task {number}: {error}"),
    }
}

fn run(pool: &Pool, seed: u64) {
    let (mut random, tally) = (Random(seed), Tally::new(TASKS));
    let mut given: Vec<Given> = Vec::new();
    while given.len() < TASKS {
        match random.below(100) {
            0 => pool.pids().iter().for_each(|pid| kill(*pid)),
            1 | 2 => pool.pids().first().copied().into_iter().for_each(kill),
            3 => pool.resize(1 + random.below(4) as usize).unwrap(),
            4 => std::thread::sleep(SOON),
            5..=14 if !given.is_empty() => {
                let recent = given.len().min(50) as u64;
                let at = given.len() - 1 - random.below(recent) as usize;
                given[at].handle.cancel();
                given[at].cancelled = true;
            }
            _ => {
                let (kind, timed) = (random.below(40), random.below(10) == 0);
                let call = pool.call(work).priority(random.below(3) as i32);
                let call = if timed { call.timeout(SOON) } else { call };
                let handle = call.submit((given.len(), kind, tally.clone()));
                given.push(Given { handle, kind, timed, cancelled: false });
            }
        }
    }
    for (number, given) in given.into_iter().enumerate() {
        assert_possible(number, given, &tally);
    }
}

fn everything_at_once(method: StartMethod) {
    let pool = builder(method, 2).max_start_failures(usize::MAX).build().unwrap();
    for seed in [7, 1 << 40, 0x1234_5678_9abc] {
        run(&pool, seed);
    }
    pool.close();
    pool.join();
}

fn everything_at_once_with_recycled_workers(method: StartMethod) {
    let limited = builder(method, 3).max_start_failures(usize::MAX).max_tasks_per_worker(9);
    let pool = limited.max_worker_age(Duration::from_millis(200)).build().unwrap();
    run(&pool, 99);
    pool.close();
    pool.join();
}

fn everything_at_once_with_idle_workers_that_leave(method: StartMethod) {
    let limited = builder(method, 3).max_start_failures(usize::MAX);
    let pool = limited.idle_timeout(Duration::from_millis(1)).build().unwrap();
    run(&pool, 4711);
    pool.close();
    pool.join();
}

/// How long this process has used a processor, in hundredths of a second.
fn used() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn an_idle_pool_uses_no_processor(method: StartMethod) {
    let pool = pool_of(method, 2);
    assert_eq!(pool.map(double, 0..100).unwrap().len(), 100);
    assert!(pool.apply(kill_own, ()).is_err());
    let stopped = pool.pids()[0];
    crate::host::signal(stopped, rustix::process::Signal::STOP);
    let handles: Vec<_> = (0..2000).map(|n| pool.submit(double, (n,))).collect();
    // Whatever it does is done soon, and then it sleeps.
    let deadline = Instant::now() + PATIENCE;
    loop {
        let before = used();
        std::thread::sleep(Duration::from_millis(500));
        if used() - before <= 2 {
            break;
        }
        assert!(Instant::now() < deadline, "it does not come to rest");
    }
    crate::host::signal(stopped, rustix::process::Signal::CONT);
    assert!(handles.into_iter().all(|handle| handle.get().is_ok()));
}
