//! Vyukov's bounded queue for many producers and consumers, in shared memory: a control.
//!
//! A producer claims a position first and marks its slot full afterwards. One that dies between
//! leaves a slot that no consumer gets past, and all that is pushed behind it is out of reach.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};

use crate::marks::marked;
use crate::scenario::{After, Case, Scenario, Verdict};
use crate::shared::{Shared, Zeroed};

const CAPACITY: usize = 4;

#[derive(Debug)]
#[repr(C)]
struct Ring {
    tail: AtomicUsize,
    head: AtomicUsize,
    slots: [Slot; CAPACITY],
}

#[derive(Debug)]
#[repr(C)]
struct Slot {
    stamp: AtomicUsize,
    value: AtomicU64,
}

// SAFETY: all fields are atomics, for which zero is a value.
#[allow(unsafe_code, reason = "a stage lies in shared memory")]
unsafe impl Zeroed for Ring {}

type Stage = Shared<Ring>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(Scenario::new("control/ring-push", ring, push_one, gets_through).control()),
        Box::new(Scenario::new("control/ring-pop", ring, pop_one, takes_a_round).control()),
    ]
}

fn ring() -> Stage {
    let ring = Stage::new();
    ring.slots.iter().enumerate().for_each(|(index, slot)| slot.stamp.store(index, Relaxed));
    ring
}

impl Ring {
    fn push(&self, value: u64) -> bool {
        loop {
            let position = self.tail.load(Relaxed);
            let slot = &self.slots[position % CAPACITY];
            let stamp = slot.stamp.load(Acquire);
            if stamp < position {
                return false;
            }
            if stamp == position && claim(&self.tail, position) {
                slot.value.store(value, Relaxed);
                slot.stamp.store(position + 1, Release);
                return true;
            }
        }
    }

    fn pop(&self) -> Option<u64> {
        loop {
            let position = self.head.load(Relaxed);
            let slot = &self.slots[position % CAPACITY];
            let stamp = slot.stamp.load(Acquire);
            if stamp < position + 1 {
                return None;
            }
            if stamp == position + 1 && claim(&self.head, position) {
                let value = slot.value.load(Relaxed);
                slot.stamp.store(position + CAPACITY, Release);
                return Some(value);
            }
        }
    }
}

fn claim(end: &AtomicUsize, position: usize) -> bool {
    end.compare_exchange(position, position + 1, Relaxed, Relaxed).is_ok()
}

fn push_one(ring: &Stage) {
    marked(|| ring.push(1));
}

fn pop_one(ring: &Stage) {
    ring.push(1);
    marked(|| ring.pop());
}

/// What a survivor pushes must come out at the other end.
fn gets_through(ring: &Stage, _: &After) -> Verdict {
    if !ring.push(2) {
        return Err("full with at most one value inside".to_owned());
    }
    match (ring.pop(), ring.pop()) {
        (Some(2), None) | (Some(1), Some(2)) => Ok(()),
        other => Err(format!("pushed a value and got {other:?}")),
    }
}

/// After all has been taken out there must be room for as much as ever.
fn takes_a_round(ring: &Stage, _: &After) -> Verdict {
    while ring.pop().is_some() {}
    match (0..CAPACITY as u64).find(|value| !ring.push(*value)) {
        None => Ok(()),
        Some(pushed) => Err(format!("room for {pushed} of {CAPACITY}")),
    }
}
