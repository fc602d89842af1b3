//! The owner of a pool, killed at each instruction of what it asks of the pool: its workers, which are
//! processes of their own, must be gone soon.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use pool::{Executor, Handle, Pool, Running};
use procspawn_core::StartMethod;

use super::calls::{self, notes};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

/// How long workers may take to be gone, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(1);

/// How long a call takes that is waited for.
const NAP: Duration = Duration::from_millis(3);

pub(super) fn cases() -> Vec<Box<dyn Case>> {
    let new = |name, victim| Scenario::new(name, calls::wipe, victim, workers_are_gone);
    vec![
        Box::new(new("pool/owner-submits", submit)),
        Box::new(new("pool/owner-maps", map)),
        Box::new(new("pool/owner-cancels", cancel)),
        // Its cue comes when the owner sleeps, whom a worker wakes.
        Box::new(new("pool/owner-collects", collect).holder(|()| hold())),
    ]
}

fn pool() -> Pool {
    let pool = Pool::builder().workers(1).start_method(StartMethod::Spawn).build();
    let pool = pool.expect("a worker");
    notes().worker.store(pool.pids()[0], SeqCst);
    pool
}

fn nap() {
    std::thread::sleep(NAP);
}

fn submit((): &()) {
    let pool = pool();
    drop(marked(|| pool.submit(nap, ())));
}

fn map((): &()) {
    let pool = pool();
    drop(marked(|| pool.call(|_: u32| nap()).chunk_size(3).map_async(0..9)));
}

/// Takes tasks back, one of which is the worker's.
fn cancel((): &()) {
    let pool = pool();
    let handles: Vec<Handle<()>> = (0..3).map(|_| pool.submit(nap, ())).collect();
    marked(|| {
        for handle in &handles {
            // What the worker is in cannot be taken back.
            let _ = handle.cancel_with(Running::Leave);
        }
    });
}

fn collect((): &()) {
    let pool = pool();
    let handle = pool.submit(nap, ());
    marked(|| handle.wait());
}

fn workers_are_gone((): &(), _: &After) -> Verdict {
    let begin = Instant::now();
    let worker = notes().worker.load(SeqCst);
    assert_ne!(worker, 0, "the pool had a worker");
    while calls::lives(worker) {
        if begin.elapsed() > SOON {
            return Err(format!("worker {worker} has outlived its pool"));
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(())
}
