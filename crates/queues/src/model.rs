//! loom's view of a queue: the ring, the gates, the bell and the table of what is out of the ring, each
//! interleaving, with a thread that dies at each of its steps.
//!
//! The models run `ring`, `gate`, `takes` and the locks of `sync-primitives` as they are. What the ends
//! do with them (`putting`, `getting`, `taking`) stands here once more without descriptors, values and
//! clocks: a nap has no end here, so a death between a change and its wake-up, which naps make up for,
//! is left to `cargo xtask kill`; and the bell, which needs no clock, is a flag of the kernel's.

#[cfg(test)]
mod bells;
#[cfg(test)]
mod gates;
#[cfg(test)]
mod leases;
pub(crate) mod memory;
#[cfg(test)]
mod rings;

use std::sync::Mutex;

use sync_primitives::MutexGuard;
use sync_primitives::model::step;

use crate::control::{Consumers, Control, Producers};
use crate::mark::Mark;
use crate::platform::Memory;
use crate::putting::sound;
use crate::record::Kind;
use crate::ring::{NoRoom, Ring};
use crate::shape::Shape;

/// A queue and what became of its items.
#[derive(Debug)]
struct Stage {
    ring: Ring,
    bell: Bell,
    /// What was taken, in order.
    taken: Mutex<Vec<u64>>,
    /// What was put for sure.
    put: Mutex<Vec<u64>>,
}

/// A descriptor of the kernel: a call is one step, and nobody dies in the middle of it.
#[derive(Debug)]
struct Bell {
    rings: loom::sync::Mutex<bool>,
    heard: loom::sync::Condvar,
}

impl Bell {
    fn new() -> Bell {
        Bell { rings: loom::sync::Mutex::new(false), heard: loom::sync::Condvar::new() }
    }

    fn ring(&self) {
        if step() {
            *self.rings.lock().expect("nobody panics in the kernel") = true;
            self.heard.notify_all();
        }
    }

    fn silence(&self) {
        if step() {
            *self.rings.lock().expect("nobody panics in the kernel") = false;
        }
    }

    fn poll(&self) {
        if step() {
            let mut rings = self.rings.lock().expect("nobody panics in the kernel");
            while !*rings {
                rings = self.heard.wait(rings).expect("nobody panics in the kernel");
            }
            drop(rings);
            step();
        }
    }
}

impl Stage {
    /// So few units that a round is soon over.
    fn new(items: u32) -> Stage {
        Stage::of(Shape { cycle: 4, room: 4, first: 4, items, counts_tasks: 0 })
    }

    fn of(shape: Shape) -> Stage {
        let (taken, put) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        Stage { ring: Ring::new(Memory::of(shape)), bell: Bell::new(), taken, put }
    }

    fn control(&self) -> &Control {
        self.ring.control()
    }

    fn lock_producers(&self) -> MutexGuard<'_, Producers> {
        let locked = self.control().producers.lock();
        locked.or_else(|error| self.ring.after_death(error)).expect("the lock can be had")
    }

    /// As `begin_get`: what the dead have left is put right.
    fn lock_consumers(&self) -> MutexGuard<'_, Consumers> {
        self.control().consumers.lock().unwrap_or_else(|error| {
            self.control().takes.repair(self.control().head().unit);
            sound(error).expect("the lock can be had")
        })
    }

    /// Writes items of so many bytes behind the tail; the new tail.
    fn add(&self, producers: &mut Producers, numbers: &[u64], len: usize) -> Result<Mark, NoRoom> {
        let mut tail = self.control().tail();
        for number in numbers {
            let mut bytes = vec![0; len];
            bytes[..8].copy_from_slice(&number.to_ne_bytes());
            let unit = self.ring.find_place(producers, tail, len as u32)?;
            tail = self.ring.write(tail, unit, Kind::Item, &bytes);
        }
        Ok(tail)
    }

    /// As `publish`: rings if somebody sleeps at the bell, then commits.
    fn publish(&self, tail: Mark) {
        let items = &self.control().items;
        if items.is_polled() {
            self.bell.ring();
            items.clear_polled();
        }
        self.control().set_tail(tail);
    }

    /// Puts items under one lock, if there is room.
    fn try_put(&self, numbers: &[u64], len: usize) -> bool {
        let mut producers = self.lock_producers();
        let Ok(tail) = self.add(&mut producers, numbers, len) else { return false };
        self.publish(tail);
        drop(producers);
        self.control().items.wake(numbers.len() as u32);
        note(&self.put, numbers);
        true
    }

    fn put(&self, number: u64) {
        assert!(self.try_put(&[number], 8), "there is room");
    }

    /// Takes the item at the head; tells whether there was one.
    fn try_get(&self) -> bool {
        let mut consumers = self.lock_consumers();
        let front = self.ring.front(&mut consumers).expect("the ring is in order");
        let Some(front) = front else { return false };
        let mut bytes = Vec::new();
        self.ring.read(front.unit, front.record, &mut bytes);
        self.control().set_head(front.next);
        // Under the lock, so that the order is that of the heads.
        note(&self.taken, &[bytes[..8].try_into().map_or(0, u64::from_ne_bytes)]);
        drop(consumers);
        self.control().room.wake(1);
        true
    }

    fn has_items(&self) -> bool {
        self.control().queued() != 0
    }

    fn taken(&self) -> Vec<u64> {
        self.taken.lock().expect("nobody panics here").clone()
    }

    fn was_put(&self) -> Vec<u64> {
        self.put.lock().expect("nobody panics here").clone()
    }

    /// Takes what is left: [nothing is wrong](Stage::is_in_order) with it. Then there is room again.
    fn adds_up(&self, lost: usize) {
        self.is_in_order(lost);
        let room = (0..5).take_while(|_| self.try_put(&[99], 8)).count();
        // Of the model's four units, one is kept for a jump.
        assert_eq!(room as u32, self.ring.shape().items.min(3), "there is as much room as ever");
    }

    /// Takes what is left. At most `lost` of what was put for sure is gone, nothing is there twice or
    /// was never put, and each producer's items are in order.
    fn is_in_order(&self, lost: usize) {
        while self.try_get() {}
        let taken = self.taken();
        for producer in 0..4 {
            let of_one: Vec<u64> =
                taken.iter().copied().filter(|item| item / 10 == producer).collect();
            assert!(of_one.is_sorted_by(|one, next| one < next), "in order, none twice: {taken:?}");
        }
        let gone = self.was_put().iter().filter(|item| !taken.contains(item)).count();
        assert!(gone <= lost, "{gone} are gone of {:?}: {taken:?}", self.was_put());
    }
}

fn note(list: &Mutex<Vec<u64>>, numbers: &[u64]) {
    // What a dead thread would note here it has not done.
    if step() {
        list.lock().expect("nobody panics here").extend_from_slice(numbers);
    }
}
