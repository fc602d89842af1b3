//! Sleeping at the word of a gate: no wake-up is lost between a look and a change. Nobody dies, as a
//! nap makes up for that and has no end here.

use std::time::Instant;

use loom::sync::Arc;
use loom::thread;
use sync_primitives::model::explore;

use super::Stage;

/// As `take_patiently` in its first nap, again and again.
fn get_at_the_gate(stage: &Stage) {
    let gate = &stage.control().items;
    while !stage.try_get() {
        let announced = gate.announce();
        if !stage.has_items() {
            gate.sleep(announced, Instant::now());
        }
    }
}

/// As `when_there_is_room` in its first nap, again and again.
fn put_at_the_gate(stage: &Stage, number: u64) {
    let gate = &stage.control().room;
    while !stage.try_put(&[number], 8) {
        let announced = gate.announce();
        if stage.try_put(&[number], 8) {
            return;
        }
        gate.sleep(announced, Instant::now());
    }
}

/// Explores roles of which none dies; a sleeper that nobody wakes is a deadlock.
fn all_live(preemptions: usize, stage: fn() -> Stage, roles: &'static [fn(&Stage)]) {
    let preemptions = std::env::var("LOOM_MAX_PREEMPTIONS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(preemptions);
    explore(Some(preemptions), move |_| {
        let stage = Arc::new(stage());
        let act = |role: &'static fn(&Stage)| {
            let stage = stage.clone();
            thread::spawn(move || role(&stage))
        };
        let threads: Vec<_> = roles.iter().map(act).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("nobody dies"));
        stage.adds_up(0);
    });
}

#[test]
fn a_consumer_hears_of_an_item() {
    all_live(3, || Stage::new(4), &[get_at_the_gate, |stage| stage.put(11)]);
}

#[test]
fn two_consumers_hear_of_two_items() {
    all_live(
        2,
        || Stage::new(4),
        &[get_at_the_gate, get_at_the_gate, |stage| {
            stage.put(11);
            stage.put(12);
        }],
    );
}

#[test]
fn two_consumers_hear_of_two_items_at_once() {
    all_live(
        2,
        || Stage::new(4),
        &[get_at_the_gate, get_at_the_gate, |stage| assert!(stage.try_put(&[11, 12], 8))],
    );
}

#[test]
fn a_producer_hears_of_room() {
    fn full() -> Stage {
        let stage = Stage::new(1);
        stage.put(1);
        stage
    }
    all_live(3, full, &[|stage| put_at_the_gate(stage, 11), |stage| assert!(stage.try_get())]);
}

#[test]
fn both_wait_for_each_other() {
    all_live(
        2,
        || Stage::new(1),
        &[
            |stage| {
                put_at_the_gate(stage, 11);
                put_at_the_gate(stage, 12);
            },
            |stage| {
                get_at_the_gate(stage);
                get_at_the_gate(stage);
            },
        ],
    );
}
