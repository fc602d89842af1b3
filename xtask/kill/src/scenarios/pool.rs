//! The worker of a pool, killed at each instruction of its life: what it has published has its value,
//! what it was in fails, and what it had not begun is made by the next worker, once. And its owner.

mod calls;
mod owner;

use std::cell::RefCell;
use std::sync::atomic::Ordering::SeqCst;

use pool::testing::Rig;

use self::calls::{Order, obey, obey_too, wipe};
use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};

/// Longer than what goes through the rings.
const LONG: usize = 33_000;
/// So many of these fill the ring of records.
const WIDE: usize = 15_000;

type Job = pool::testing::Job<calls::Answer>;

/// A lane with tasks in it.
struct Stage {
    rig: Rig,
    jobs: RefCell<Vec<Job>>,
}

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    let told = |name, stage| Scenario::new(name, stage, serve, all_is_settled);
    let awaited = |name, stage, pool| Scenario::new(name, stage, serve, fine).holder(pool);
    let mut cases: Vec<Box<dyn Case>> = vec![
        Box::new(told("pool/leave", || Stage::new(&[], 1))),
        Box::new(told("pool/calls", || Stage::new(&[(8, 8), (8, 8), (8, 8)], 1))),
        Box::new(told("pool/chunk", || Stage::new(&[(8, 8); 5], 5))),
        Box::new(told("pool/two-functions", two_functions)),
        Box::new(told("pool/long-arguments", || Stage::new(&[(8, 8), (LONG, 8), (8, 8)], 1))),
        Box::new(told("pool/long-values", || Stage::new(&[(8, 8), (8, LONG), (8, 8)], 3))),
        Box::new(told("pool/revoked", revoked)),
        Box::new(awaited("pool/sleep", || Stage::untold(&[(8, 8)], 1), tell_to_leave)),
        Box::new(awaited("pool/woken", || Stage::untold(&[(8, 8)], 1), give_more)),
        Box::new(awaited("pool/room", || Stage::new(&[(8, WIDE); 9], 9), make_room)),
    ];
    cases.extend(owner::cases());
    cases
}

impl Stage {
    /// With calls that have so many bytes of arguments and of values, and the order to leave.
    fn new(lengths: &[(usize, usize)], chunk: usize) -> Stage {
        let stage = Stage::untold(lengths, chunk);
        stage.rig.order_to_leave();
        stage
    }

    fn untold(lengths: &[(usize, usize)], chunk: usize) -> Stage {
        wipe();
        let stage = Stage { rig: Rig::new().expect("a lane"), jobs: RefCell::default() };
        let orders = Order::all(0, lengths);
        stage.add(stage.rig.give(obey, orders, chunk));
        stage
    }

    fn add(&self, job: Job) {
        self.jobs.borrow_mut().push(job);
    }

    /// The calls that came to an end, and how: an error if any is not as it must be.
    fn verify(&self, finished: bool) -> Verdict {
        self.rig.replace();
        let outcomes = self.jobs.borrow().iter().flat_map(Job::outcomes).collect::<Vec<_>>();
        calls::verify(outcomes, finished)
    }
}

fn two_functions() -> Stage {
    let stage = Stage::untold(&[(8, 8)], 1);
    stage.add(stage.rig.give(obey_too, Order::all(1, &[(8, 8), (8, 8)]), 2));
    stage.rig.order_to_leave();
    stage
}

/// Two tasks that were taken back, of which one has arguments in the socket, before one that was not.
fn revoked() -> Stage {
    let stage = Stage::untold(&[(8, 8)], 1);
    for length in [8, LONG] {
        drop(stage.rig.give(obey, Order::all(40, &[(length, 8)]), 1));
        assert!(stage.rig.cancel_last());
    }
    stage.add(stage.rig.give(obey, Order::all(1, &[(LONG, 8), (8, 8)]), 1));
    stage.rig.order_to_leave();
    stage
}

fn serve(stage: &Stage) {
    let worker = stage.rig.worker();
    calls::notes().victim.store(std::process::id(), SeqCst);
    marked(|| worker.serve());
    calls::notes().finished.store(1, SeqCst);
}

fn all_is_settled(stage: &Stage, after: &After) -> Verdict {
    stage.verify(after.finished)
}

fn fine(_: &Stage, _: &After) -> Verdict {
    Ok(())
}

/// The pool's end while the worker lives, and after.
fn tell_to_leave(stage: &Stage) {
    hold();
    stage.rig.order_to_leave();
    attend(stage);
}

fn give_more(stage: &Stage) {
    hold();
    stage.add(stage.rig.give(obey, Order::all(1, &[(8, 8), (LONG, 8)]), 1));
    stage.rig.order_to_leave();
    attend(stage);
}

fn make_room(stage: &Stage) {
    hold();
    attend(stage);
}

/// Collects until the worker is gone, and settles what that leaves.
fn attend(stage: &Stage) {
    while calls::victim_lives() {
        stage.rig.collect();
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    let finished = calls::notes().finished.load(SeqCst) != 0;
    stage.verify(finished).unwrap_or_else(|what| panic!("{what}"));
}
