//! The index: what is put is there as a whole or not at all, and taken by one, whoever dies.

use sync_primitives::model::{kill_first, kill_first_at_length};

use super::Stage;
use crate::shape::{Shape, UNIT};

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
    drained_at(empty(), 3)
}

/// Drained, behind so many items of a unit.
fn drained_at(stage: Stage, items: u32) -> Stage {
    for _ in 0..items {
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

/// Drained at its third unit, and what is longer than that does not fit before it.
const LONGER: usize = 3 * UNIT + 8;

fn drained() -> Stage {
    let shape = Shape { cycle: 16, room: 16, first: 4, items: u32::MAX, counts_tasks: 0 };
    drained_at(Stage::of(shape), 3)
}

/// As `Getting::shrink`, but for those who wait for the lock.
fn shrink(stage: &Stage) {
    let mut consumers = stage.lock_consumers();
    let mut producers = stage.lock_producers();
    if stage.control().queued() == 0 {
        stage.ring.shrink(&mut producers, &mut consumers);
    }
}

fn put_longer(stage: &Stage) {
    assert!(stage.try_put(&[11], LONGER), "a drained ring has room, without a consumer");
}

fn is_in_order_and_has_room(stage: &Stage) {
    stage.is_in_order(0);
    assert!(stage.try_put(&[31], LONGER), "a drained ring has room, without a consumer");
    assert!(stage.try_get());
}

#[test]
fn who_shrinks_a_drained_ring_dies_beside_a_producer() {
    kill_first(drained, &[shrink, put_longer], is_in_order_and_has_room);
}

#[test]
fn who_shrinks_a_drained_ring_dies_beside_a_consumer() {
    kill_first(drained, &[shrink, shrink], is_in_order_and_has_room);
}

#[test]
fn who_shrinks_a_drained_ring_dies_beside_both() {
    kill_first_at_length(drained, &[shrink, put_longer, get], is_in_order_and_has_room);
}
