//! The index: what is put is there as a whole or not at all, and taken by one, whoever dies.

use sync_primitives::model::{kill_first, kill_first_at_length};

use super::Stage;

fn empty() -> Stage {
    Stage::new(u32::MAX)
}

fn with_two() -> Stage {
    let stage = empty();
    assert!(stage.try_put(&[1, 2], 8));
    stage
}

/// The next item of two units does not fit below the end.
fn before_the_end() -> Stage {
    let stage = empty();
    for _ in 0..3 {
        stage.put(99);
        assert!(stage.try_get());
    }
    stage.taken.lock().expect("nobody panics here").clear();
    stage.put.lock().expect("nobody panics here").clear();
    stage
}

fn with_a_jump() -> Stage {
    let stage = before_the_end();
    assert!(stage.try_put(&[1], 24));
    stage
}

fn put_two(stage: &Stage) {
    assert!(stage.try_put(&[11, 12], 8));
}

fn put_one(stage: &Stage) {
    stage.put(21);
}

fn put_wide(stage: &Stage) {
    assert!(stage.try_put(&[11], 24));
}

fn get(stage: &Stage) {
    stage.try_get();
}

fn nothing_is_lost(stage: &Stage) {
    stage.adds_up(0);
}

fn one_may_be_lost(stage: &Stage) {
    stage.adds_up(1);
}

#[test]
fn a_producer_dies_beside_a_consumer() {
    kill_first(empty, &[put_two, get], nothing_is_lost);
}

#[test]
fn a_consumer_dies_beside_a_producer() {
    kill_first(with_two, &[get, put_one], one_may_be_lost);
}

#[test]
fn a_consumer_dies_beside_a_consumer() {
    kill_first(with_two, &[get, get], one_may_be_lost);
}

#[test]
fn a_producer_dies_beside_a_producer() {
    kill_first(empty, &[put_two, put_one], nothing_is_lost);
}

#[test]
fn a_producer_dies_beside_both() {
    kill_first_at_length(empty, &[put_two, put_one, get], nothing_is_lost);
}

#[test]
fn a_consumer_dies_beside_both() {
    kill_first_at_length(with_two, &[get, put_one, get], one_may_be_lost);
}

#[test]
fn a_producer_dies_at_the_jump() {
    kill_first(before_the_end, &[put_wide, get], nothing_is_lost);
}

#[test]
fn a_consumer_dies_at_the_jump() {
    // There may be no room before the other has taken something.
    fn put_if_room(stage: &Stage) {
        stage.try_put(&[21], 8);
    }
    kill_first(with_a_jump, &[get, put_if_room], one_may_be_lost);
}

#[test]
fn a_drained_ring_is_shrunk_beside_a_producer() {
    fn drained() -> Stage {
        let stage = empty();
        stage.put(99);
        assert!(stage.try_get());
        stage.taken.lock().expect("nobody panics here").clear();
        stage.put.lock().expect("nobody panics here").clear();
        stage
    }
    fn shrink(stage: &Stage) {
        let mut consumers = stage.lock_consumers();
        let mut producers = stage.lock_producers();
        stage.ring.shrink(&mut producers, &mut consumers);
    }
    fn put_wide_at_last(stage: &Stage) {
        // While the other is at it, there may be no room for a moment.
        stage.try_put(&[11], 24);
    }
    fn has_room(stage: &Stage) {
        if stage.was_put().is_empty() {
            assert!(stage.try_put(&[12], 24), "an empty ring has room, without a consumer");
        }
        stage.adds_up(0);
    }
    kill_first(drained, &[shrink, put_wide_at_last], has_room);
}
