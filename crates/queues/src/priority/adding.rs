//! How an item gets into the store, for the holder of the lock.
//!
//! 1. The bytes are written to free chunks. 2. Its descriptors go into the vault, under a tag that
//!    nothing else ever has. Dies: they are left over. 3. What is remembered is stored, as far as the
//!    item needs it. 4. The bell is rung if somebody sleeps by it. Dies: somebody looks for nothing.
//! 5. The record is stored: the item is there. 6. Its entry goes into the heap. Dies: whoever has the
//!    lock next finds it.

use std::io;
use std::os::fd::AsFd;

use super::chunks::chunks_for;
use super::control::State;
use super::heap::{self, Entry};
use super::store::Holding;
use crate::error::PutErrorKind;
use crate::parcel::Parcel;
use crate::record::{Kind, Record};
use crate::ring::NoRoom;
use crate::sys;
use crate::vault::MARKER;

/// How many bits of a tag say where the item is; the rest is from its number.
const PLACE_BITS: u32 = 28;
const PLACE: u64 = (1 << PLACE_BITS) - 1;

/// The tag of an item's descriptors.
pub(crate) fn tag(entry: Entry) -> u64 {
    let number = (entry.number << PLACE_BITS) & !MARKER;
    number | u64::from(entry.chunk)
}

impl Holding<'_> {
    /// Adds an item.
    #[inline]
    pub(crate) fn add(&mut self, priority: i64, parcel: &Parcel<'_>) -> Result<(), PutErrorKind> {
        if parcel.descriptors.is_empty() {
            return self.add_plain(priority, parcel.bytes);
        }
        self.add_with_descriptors(priority, parcel)
    }

    /// The same for bytes that need nothing else.
    #[inline]
    pub(crate) fn add_plain(&mut self, priority: i64, bytes: &[u8]) -> Result<(), PutErrorKind> {
        let entry = self.write(priority, bytes)?;
        self.commit(entry, Record::new(Kind::Item, bytes.len() as u32));
        Ok(())
    }

    #[cold]
    fn add_with_descriptors(
        &mut self,
        priority: i64,
        parcel: &Parcel<'_>,
    ) -> Result<(), PutErrorKind> {
        let before = self.state;
        let entry = self.write(priority, parcel.bytes)?;
        self.save_number();
        if let Err(error) = self.hand_over(entry, parcel) {
            // The number is gone, as half of a tag that may lie in the vault.
            let (last_seq, resident) = (entry.number, self.state.resident);
            self.state = State { last_seq, resident, ..before };
            return Err(error);
        }
        self.commit(entry, Record::new(parcel.kind, parcel.bytes.len() as u32));
        Ok(())
    }

    /// Puts descriptors into the vault, unless it is so full that none could be moved.
    fn hand_over(&self, entry: Entry, parcel: &Parcel<'_>) -> Result<(), PutErrorKind> {
        let vault = &self.store.vault;
        if !vault.has_room() {
            return Err(PutErrorKind::Full);
        }
        vault.add(tag(entry), &parcel.descriptors).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => PutErrorKind::Full,
            _ => PutErrorKind::Io(error),
        })
    }

    /// Writes an item that is not there yet.
    #[inline]
    fn write(&mut self, priority: i64, bytes: &[u8]) -> Result<Entry, PutErrorKind> {
        let memory = &self.store.memory;
        if self.state.len >= memory.size().items {
            return Err(PutErrorKind::Full);
        }
        self.state.make_room(memory, chunks_for(bytes.len())).map_err(no_room)?;
        self.state.last_seq = self.state.last_seq.wrapping_add(1);
        let chunk = self.state.write(memory, bytes)?;
        let entry = Entry { priority, number: self.state.last_seq, chunk };
        memory.set_entry_of(chunk, entry);
        Ok(entry)
    }

    /// Makes a written item be there.
    #[inline]
    fn commit(&mut self, entry: Entry, record: Record) {
        let (memory, control) = (&self.store.memory, self.store.control());
        self.save();
        if control.items.is_polled() {
            self.ring_bell();
        }
        memory.set_record(entry.chunk, record.word());
        heap::push(memory, self.state.len, entry);
        self.state.len += 1;
    }

    #[cold]
    fn ring_bell(&self) {
        sys::ring(self.store.bell.as_fd());
        self.store.control().items.clear_polled();
    }

    /// True if descriptors with this tag belong to an item.
    pub(crate) fn is_wanted(&self, of: u64) -> bool {
        let (memory, chunk) = (&self.store.memory, (of & PLACE) as u32);
        chunk < self.state.used
            && Record::from_word(memory.record(chunk)).is_some_and(Record::has_descriptors)
            && tag(memory.entry_of(chunk)) == of
    }
}

fn no_room(why: NoRoom) -> PutErrorKind {
    match why {
        NoRoom::Full => PutErrorKind::Full,
        NoRoom::OutOfMemory => PutErrorKind::OutOfMemory,
        NoRoom::Corrupt(what) => PutErrorKind::Corrupt(what),
    }
}
