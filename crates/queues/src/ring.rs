//! The ring: records one behind the other in shared memory, put at the tail and taken at the head.
//!
//! Producers have a lock and consumers have another, so that one of each never wait for each other.
//! What a record holds is written before one store of the tail makes it visible, and read before
//! one store of the head lets its room be used again.
//!
//! | a producer dies | then |
//! |---|---|
//! | before it stores the tail | its item was never there; the next one writes over it |
//! | after | the item is there |
//!
//! | a consumer dies | then |
//! |---|---|
//! | before it stores the head | the item is still there, for the next one |
//! | after | the item was taken, and died with it, unless it was leased |
//!
//! The kernel gives the lock of the dead one to the next, and nothing needs to be put right but the
//! places of `takes`, and the tail if the dead one was about to give memory back (`shrink`).
//!
//! # Where the next record goes
//!
//! Units count up for ever; a record lies at its unit modulo the cycle. It follows the one before if
//! it fits below `resident`, up to where the ring has memory. If not, and the beginning of the ring
//! is free, a `Jump` leads there, the units in between being skipped. If neither, the ring is given
//! more memory. So a queue that is drained as fast as it is filled goes round in the same few pages,
//! and only a backlog makes it grow. When it is empty again, it shrinks.
//!
//! A ring that has come round and then meets its head cannot grow where it stands. A `Jump` then
//! leads over everything, to memory behind the end, and the ring goes on from there, *beyond*: so far
//! nothing of this turn or the last one lies there. Head and tail are more than a cycle apart then,
//! but less than two. The next turn begins when the head has followed.

use sync_primitives::{LockError, MutexGuard};

use crate::control::{Consumers, Control, Producers};
use crate::mark::Mark;
use crate::platform::Memory;
use crate::putting::sound;
use crate::record::{Kind, Record, units_for};
use crate::shape::{Shape, UNIT};

/// Memory that a drained queue keeps, so that bursts up to this size find it warm.
const KEPT_BYTES: usize = 4 << 20;

/// Why a record has no place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// Consumers have to take something first.
    Full,
    /// The system has no more memory.
    OutOfMemory,
    Corrupt(&'static str),
}

/// The shared memory holds what no queue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt(pub(crate) &'static str);

/// A record that can be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    pub(crate) record: Record,
    pub(crate) unit: u32,
    /// Where the head will be.
    pub(crate) next: Mark,
}

/// The operations on the ring; each needs the guard of its side's lock.
#[derive(Debug)]
pub(crate) struct Ring {
    memory: Memory,
}

impl Ring {
    pub(crate) fn new(memory: Memory) -> Ring {
        Ring { memory }
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    #[inline]
    pub(crate) fn control(&self) -> &Control {
        self.memory.control()
    }

    #[inline]
    pub(crate) fn shape(&self) -> Shape {
        self.memory.shape()
    }

    /// Where a record lies.
    #[inline]
    pub(crate) fn place_of(&self, unit: u32) -> u32 {
        self.shape().place_of(unit)
    }

    /// Finds a place for an item of `len` bytes behind `tail`, and gives its unit.
    #[inline]
    pub(crate) fn find_place(
        &self,
        producers: &mut Producers,
        tail: Mark,
        len: u32,
    ) -> Result<u32, NoRoom> {
        if self.has_place_behind(producers, tail, len) {
            return Ok(tail.unit);
        }
        self.look_for_place(producers, tail, units_for(len))
    }

    /// True if an item certainly has a place straight behind `tail`.
    #[inline]
    pub(crate) fn has_place_behind(&self, producers: &Producers, tail: Mark, len: u32) -> bool {
        let is_full = tail.count.wrapping_sub(producers.taken) >= self.shape().items;
        !is_full && self.fits(producers, tail.unit, units_for(len))
    }

    #[cold]
    fn look_for_place(
        &self,
        producers: &mut Producers,
        tail: Mark,
        units: u32,
    ) -> Result<u32, NoRoom> {
        let (control, shape) = (self.control(), self.shape());
        let head = control.head();
        producers.taken = head.count;
        let farthest = self.farthest(producers, tail.unit);
        producers.freed = control.takes.oldest(head.unit, tail.unit, farthest);
        if tail.units_since(producers.freed) > farthest || tail.items_since(head) > shape.items {
            return Err(NoRoom::Corrupt("the head is ahead of the tail"));
        }
        if tail.items_since(head) == shape.items {
            return Err(NoRoom::Full);
        }
        if self.fits(producers, tail.unit, units) {
            return Ok(tail.unit);
        }
        if let Some(unit) = self.jump(producers.freed, tail.unit, units) {
            return Ok(unit);
        }
        if self.is_free(producers, tail.unit, units) {
            self.grow(shape.place_of(tail.unit).saturating_add(units))?;
            return Ok(tail.unit);
        }
        self.jump_beyond(producers, tail.unit, units)
    }

    /// How far back from the tail anything can be.
    fn farthest(&self, producers: &mut Producers, tail: u32) -> u32 {
        if self.is_beyond(producers, tail) {
            return u32::MAX;
        }
        // Before the tail comes to where it would look as if it were beyond, it comes by here.
        producers.beyond = 0;
        self.shape().cycle
    }

    /// True if the ring has jumped over everything and goes on from there. The units up to its end
    /// are free then.
    #[inline]
    fn is_beyond(&self, producers: &Producers, unit: u32) -> bool {
        let (beyond, turn) = (producers.beyond, !(self.shape().cycle - 1));
        beyond != 0 && unit & turn == beyond & turn && unit >= beyond
    }

    /// True if a record fits straight behind the tail, and leaves room for a jump behind itself.
    #[inline]
    fn fits(&self, producers: &Producers, unit: u32, units: u32) -> bool {
        let (shape, resident) = (self.shape(), self.resident());
        let end = shape.place_of(unit) + units;
        let has_memory = end < resident || (end == resident && end == shape.cycle);
        has_memory && self.is_free(producers, unit, units)
    }

    /// True if so many units from `unit` on, and one for a jump, are not in use.
    #[inline]
    fn is_free(&self, producers: &Producers, unit: u32, units: u32) -> bool {
        self.is_behind(producers.freed, unit, units) || self.is_beyond(producers, unit)
    }

    /// True if so many units from `unit` on, and one for a jump, end before `freed` in the next turn.
    #[inline]
    fn is_behind(&self, freed: u32, unit: u32, units: u32) -> bool {
        let used = u64::from(unit.wrapping_sub(freed)) + u64::from(units);
        used < u64::from(self.shape().cycle)
    }

    /// How much of the ring has memory, whatever somebody may have written there.
    #[inline]
    fn resident(&self) -> u32 {
        self.control().fixed.resident().min(self.shape().room)
    }

    /// Leads from the tail to the beginning of the ring, if there is room.
    fn jump(&self, freed: u32, unit: u32, units: u32) -> Option<u32> {
        let skipped = self.shape().cycle - self.shape().place_of(unit);
        if !self.is_behind(freed, unit, skipped.saturating_add(units)) || units >= self.resident() {
            return None;
        }
        self.write_jump(unit, skipped);
        Some(unit.wrapping_add(skipped))
    }

    /// Leads from a tail that has come round over everything to new memory behind its end.
    fn jump_beyond(&self, producers: &mut Producers, unit: u32, units: u32) -> Result<u32, NoRoom> {
        let (turn, resident) = (!(self.shape().cycle - 1), self.resident());
        let has_come_round = unit & turn != producers.freed & turn;
        if !has_come_round || !self.is_behind(producers.freed, unit, 0) {
            return Err(NoRoom::Full);
        }
        let skipped = resident.saturating_sub(self.place_of(unit));
        self.grow(resident.saturating_add(units))?;
        self.write_jump(unit, skipped);
        // Dies here: the tail is not beyond yet, and this does not count.
        producers.beyond = unit.wrapping_add(skipped);
        Ok(producers.beyond)
    }

    /// True if a record would find a place, now or with more memory.
    pub(crate) fn has_place(&self, freed: u32, unit: u32, units: u32) -> bool {
        let (shape, place) = (self.shape(), self.shape().place_of(unit));
        let straight =
            place.saturating_add(units) < shape.room && self.is_behind(freed, unit, units);
        let can_grow = self.resident().saturating_add(units) < shape.room;
        straight
            || can_grow
            || self.is_behind(freed, unit, (shape.cycle - place).saturating_add(units))
    }

    fn write_jump(&self, unit: u32, skipped: u32) {
        self.memory.set_header(self.place_of(unit), Record::new(Kind::Jump, skipped).word());
    }

    /// Gives the ring more memory, so that a record can end at the place `end`.
    fn grow(&self, end: u32) -> Result<(), NoRoom> {
        let (shape, resident) = (self.shape(), self.resident());
        let wanted = resident.saturating_mul(2).max(end.saturating_add(1)).min(shape.room);
        if wanted <= end || wanted <= resident {
            return Err(NoRoom::Full);
        }
        // If there is no memory for more, there may be enough for this one.
        let least = end + 1;
        // Dies in between: what is set aside twice is there once.
        let given = [wanted, least]
            .into_iter()
            .find(|&units| units > resident && self.memory.set_aside(resident..units).is_ok());
        self.control().fixed.set_resident(given.ok_or(NoRoom::OutOfMemory)?);
        Ok(())
    }

    /// Writes a record at a unit that [`find_place`](Ring::find_place) gave; the tail behind it.
    #[inline]
    pub(crate) fn write(&self, tail: Mark, unit: u32, kind: Kind, bytes: &[u8]) -> Mark {
        self.memory.write(self.place_of(unit), bytes);
        self.write_header(tail, unit, kind, bytes.len() as u32)
    }

    /// Writes the header of a record whose bytes are there.
    #[inline]
    pub(crate) fn write_header(&self, tail: Mark, unit: u32, kind: Kind, len: u32) -> Mark {
        let record = Record::new(kind, len);
        self.memory.set_header(self.place_of(unit), record.word());
        tail.after_item(unit.wrapping_add(record.units()))
    }

    /// The next record to be taken.
    #[inline]
    pub(crate) fn front(&self, consumers: &mut Consumers) -> Result<Option<Front>, Corrupt> {
        let head = self.control().head();
        let mut tail = Mark::from_word(consumers.tail);
        if tail.count == head.count {
            tail = self.control().tail();
            consumers.tail = tail.word();
            if tail.count == head.count {
                return Ok(None);
            }
        }
        self.record_at(head, tail).map(Some)
    }

    /// Has the processor fetch the next record's line, while it waits for that of the tail.
    #[inline]
    pub(crate) fn prepare_front(&self) {
        let head = self.control().head();
        self.memory.prepare_read(self.place_of(head.unit));
    }

    /// The record behind `head`, checked against everything that could lead astray.
    #[inline]
    fn record_at(&self, head: Mark, tail: Mark) -> Result<Front, Corrupt> {
        let (mut unit, mut left) = (head.unit, tail.unit.wrapping_sub(head.unit));
        let mut record = self.record(unit)?;
        if record.is(Kind::Jump) {
            // The length of a jump is that of its way.
            unit = unit.wrapping_add(record.len());
            left = left.saturating_sub(record.len());
            record = self.record(unit)?;
        }
        let units = record.units();
        if record.is(Kind::Jump) || units > left || !self.is_within(unit, units) {
            return Err(Corrupt("a record is longer than what has been put"));
        }
        let next = head.after_item(unit.wrapping_add(units));
        Ok(Front { record, unit, next })
    }

    /// The record of an item that was returned, which is still where it was.
    pub(crate) fn record(&self, unit: u32) -> Result<Record, Corrupt> {
        let place = self.place_of(unit);
        if !self.is_within(unit, 1) {
            return Err(Corrupt("a mark is outside of the ring"));
        }
        Record::from_word(self.memory.header(place)).ok_or(Corrupt("there is no record"))
    }

    /// The same, with all of its bytes inside the ring.
    pub(crate) fn whole_record(&self, unit: u32) -> Result<Record, Corrupt> {
        let record = self.record(unit)?;
        let is_item = !record.is(Kind::Jump) && self.is_within(unit, record.units());
        if is_item { Ok(record) } else { Err(Corrupt("a returned item is not where it was")) }
    }

    fn is_within(&self, unit: u32, units: u32) -> bool {
        self.place_of(unit).checked_add(units).is_some_and(|end| end <= self.shape().room)
    }

    /// Copies the bytes of a record.
    #[inline]
    pub(crate) fn read(&self, unit: u32, record: Record, buffer: &mut Vec<u8>) {
        self.memory.read(self.place_of(unit), record.len() as usize, buffer);
    }

    /// True if a drained ring would give memory back.
    #[inline]
    pub(crate) fn is_large(&self) -> bool {
        self.control().fixed.resident() > self.kept()
    }

    fn kept(&self) -> u32 {
        self.shape().first.max((KEPT_BYTES / UNIT) as u32).min(self.shape().room)
    }

    /// Gives the memory of a drained ring back, for the holder of both locks.
    ///
    /// Nobody looks at what lies behind the head of a drained ring before a producer has put something
    /// behind the tail, and the next producer is told of a death. So the marks may be apart in between,
    /// and no jump has to lead from one to the other: it could lead to where a producer puts another,
    /// and behind a jump there is nothing but an item.
    ///
    /// 1. Producers are told what is free. Dies: that is so. 2. The head goes to the beginning of the
    ///    next cycle. Dies: the tail follows before anything is put
    ///    ([`after_death`](Ring::after_death)). 3. The tail goes there. Dies: the memory stays until the
    ///    ring is drained again. 4. The ring is said to have less memory. Dies: it goes the next time.
    ///    5. The memory goes.
    pub(crate) fn shrink(&self, producers: &mut Producers, consumers: &mut Consumers) {
        let (control, within) = (self.control(), self.shape().cycle - 1);
        let (head, tail) = (control.head(), control.tail());
        let farthest = self.farthest(producers, tail.unit);
        let oldest = control.takes.oldest(head.unit, tail.unit, farthest);
        if head.count != tail.count || oldest != head.unit {
            return;
        }
        (producers.freed, producers.beyond) = (tail.unit, 0);
        let begin = Mark { unit: tail.unit.wrapping_add(within) & !within, ..tail };
        control.set_head(begin);
        control.set_tail(begin);
        (producers.freed, consumers.tail) = (begin.unit, begin.word());
        let kept = self.kept();
        control.fixed.set_resident(kept);
        // A refusal leaves the memory where it is, and the next growth finds it there.
        let _ = self.memory.give_back_from(kept);
    }

    /// The producers' lock, had from a holder that died or panicked. What a producer has left needs no
    /// repair, but a consumer may have been about to [`shrink`](Ring::shrink) the ring.
    ///
    /// Dies before it has said that all is well: the next one is told of the death as well.
    #[cold]
    pub(crate) fn after_death<'a>(
        &self,
        error: LockError<MutexGuard<'a, Producers>>,
    ) -> Result<MutexGuard<'a, Producers>, LockError<MutexGuard<'a, Producers>>> {
        if let LockError::OwnerDied(_) | LockError::Poisoned(_) = error {
            self.catch_up();
        }
        sound(error)
    }

    /// Moves the tail of a drained ring to its head. That stays where it is meanwhile, as there is
    /// nothing to take.
    fn catch_up(&self) {
        let (head, tail) = (self.control().head(), self.control().tail());
        if head.count == tail.count && head.unit != tail.unit {
            self.control().set_tail(head);
        }
    }
}
