//! Sleeping at the bell: who changes something and dies, at any step, leaves nobody asleep.

use sync_primitives::model::{kill_first, kill_first_at_length};

use super::Stage;
use crate::control::CLOSED;

fn empty() -> Stage {
    Stage::new(4)
}

impl Stage {
    /// As `arm`: the next change rings; silences the bell if there is nothing.
    fn arm(&self) {
        self.control().items.set_polled();
        let producers = self.lock_producers();
        if !self.has_items() {
            self.bell.silence();
        }
        drop(producers);
    }

    /// As `has_ended`, while nothing is leased.
    fn has_ended(&self) -> bool {
        if self.control().fixed.closed() == 0 {
            return false;
        }
        drop(self.lock_producers());
        let consumers = self.lock_consumers();
        let ended = !self.has_items();
        drop(consumers);
        ended
    }

    /// As `close_as`.
    fn close(&self) {
        let producers = self.lock_producers();
        self.bell.ring();
        self.control().fixed.close(CLOSED);
        drop(producers);
    }

    /// Puts unless the queue is closed.
    fn put_if_open(&self, number: u64) {
        let mut producers = self.lock_producers();
        if self.control().fixed.closed() != 0 {
            return;
        }
        let tail = self.add(&mut producers, &[number], 8).expect("there is room");
        self.publish(tail);
        drop(producers);
        super::note(&self.put, &[number]);
    }
}

/// Takes one item.
fn get_at_the_bell(stage: &Stage) {
    loop {
        stage.arm();
        if stage.has_items() && stage.try_get() {
            return;
        }
        stage.bell.poll();
    }
}

/// Takes what comes until the end.
fn get_to_the_end(stage: &Stage) {
    loop {
        stage.arm();
        while stage.has_items() && stage.try_get() {}
        if stage.has_ended() {
            return;
        }
        stage.bell.poll();
    }
}

fn put(stage: &Stage) {
    stage.put_if_open(11);
}

/// If the other died before its item was there. It does not help one that sleeps past an item.
fn put_if_none(stage: &Stage) {
    let mut producers = stage.lock_producers();
    if stage.control().tail().count == 0 {
        let tail = stage.add(&mut producers, &[21], 8).expect("there is room");
        stage.publish(tail);
    }
}

fn nothing_is_lost(stage: &Stage) {
    stage.adds_up(0);
}

fn one_may_be_lost(stage: &Stage) {
    stage.adds_up(1);
}

#[test]
fn a_producer_dies_and_a_consumer_wakes() {
    kill_first_at_length(empty, &[put, put_if_none, get_at_the_bell], nothing_is_lost);
}

#[test]
fn a_consumer_dies_at_the_bell_beside_another() {
    fn put_two(stage: &Stage) {
        stage.put_if_open(11);
        stage.put_if_open(12);
    }
    kill_first_at_length(empty, &[get_at_the_bell, get_at_the_bell, put_two], one_may_be_lost);
}

#[test]
fn a_consumer_dies_at_the_bell_and_keeps_nothing_back() {
    kill_first(empty, &[get_at_the_bell, put], one_may_be_lost);
}

fn close(stage: &Stage) {
    stage.close();
}

fn close_if_open(stage: &Stage) {
    if stage.control().fixed.closed() == 0 {
        stage.close();
    }
}

fn end_is_there(stage: &Stage) {
    assert!(stage.has_ended(), "closed, and drained by those who were there");
    stage.adds_up(0);
}

#[test]
fn who_closes_dies_and_a_consumer_wakes() {
    kill_first_at_length(empty, &[close, close_if_open, get_to_the_end], end_is_there);
}

#[test]
fn what_is_put_beside_the_close_is_taken_before_the_end() {
    fn put_one(stage: &Stage) {
        stage.put_if_open(11);
    }
    kill_first_at_length(empty, &[put_one, close, get_to_the_end], end_is_there);
}
