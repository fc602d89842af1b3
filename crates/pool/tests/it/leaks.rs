//! Many pools and many deaths later, the process has what it had before.

use std::fs;

use pool::{Executor, TaskError};
use procspawn_core::StartMethod;

use crate::host::{again, builder, each_method, kill, kill_own, pool_of, until, workers};
use crate::support::{double, fail};

each_method! {
    pools_leave_nothing,
    deaths_leave_nothing,
}

/// What a process has.
#[derive(Clone, Copy, Debug)]
struct Having {
    descriptors: usize,
    maps: usize,
    threads: usize,
    children: usize,
}

impl Having {
    /// Nothing of it is more than it was; what a pool had may have been going when that was seen.
    fn is_within(&self, before: &Having) -> bool {
        self.descriptors <= before.descriptors
            && self.maps <= before.maps
            && self.threads <= before.threads
            && self.children <= before.children
    }
}

fn having() -> Having {
    let count = |path: &str| fs::read_dir(path).unwrap().count();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    Having {
        descriptors: count("/proc/self/fd"),
        // The allocator's own come and go.
        maps: maps.lines().filter(|line| line.contains("memfd:")).count(),
        threads: count("/proc/self/task"),
        children: workers().len(),
    }
}

/// Runs a body a few times, and fails if it leaves something every time.
#[track_caller]
fn assert_leaves_nothing(body: impl Fn()) {
    // The first times make what is kept for good.
    body();
    body();
    let before = having();
    for _ in 0..8 {
        body();
    }
    // Threads and what they hold are gone a little after the pool.
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    while !having().is_within(&before) {
        assert!(std::time::Instant::now() < deadline, "before {before:?}, now {:?}", having());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn pools_leave_nothing(method: StartMethod) {
    // A process with threads cannot fork, and the first pool leaves one.
    let method = again(method);
    assert_leaves_nothing(|| {
        let pool = pool_of(method, 2);
        assert_eq!(pool.map(double, 0..200).unwrap().len(), 200);
        let long = pool.apply(|bytes: Vec<u8>| bytes, (vec![1; 1 << 20],)).unwrap();
        assert_eq!(long.len(), 1 << 20);
        assert!(pool.apply(fail, ()).is_err());
        let done = pool.submit(double, (4,)).then(|value| value.unwrap());
        assert_eq!(done.get().unwrap(), 8);
        pool.close();
        pool.join();
        drop(pool);
        // One with work in flight, and some that are never made.
        let pool = pool_of(method, 2);
        let left = pool.map_async(double, 0..2000);
        drop(pool);
        assert!(matches!(left.get(), Ok(_) | Err(TaskError::Terminated)));
        assert!(builder(method, 2).initializer(fail, ()).build().is_err());
        assert!(builder(method, 2).initializer(kill_own, ()).build().is_err());
    });
}

fn deaths_leave_nothing(method: StartMethod) {
    let pool = pool_of(method, 2);
    assert_leaves_nothing(|| {
        for _ in 0..3 {
            assert!(pool.apply(kill_own, ()).unwrap_err().is_worker_died());
        }
        let many = pool.map_async(double, 0..500);
        pool.pids().iter().for_each(|pid| kill(*pid));
        many.get_each();
        until(|| pool.pids().len() == 2 && pool.apply(double, (1,)).is_ok());
    });
}
