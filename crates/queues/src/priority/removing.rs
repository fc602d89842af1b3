//! How the next item gets out of the store, for the holder of the lock.
//!
//! 1. The bytes are copied, the descriptors duplicated. Dies: the item is still there. 2. The record
//!    is taken away: the item is taken. Dies: it died with its consumer. 3. Its entry, its chunks and
//!    its descriptors go. Dies: whoever has the lock next finds that no item has them.

use std::os::fd::OwnedFd;

use super::adding::tag;
use super::chunks::{self, chunks_for, within};
use super::control::State;
use super::heap::{self, Entry};
use super::repair::item;
use super::size::KEPT;
use super::store::Holding;
use crate::error::GetError;
use crate::record::{Kind, Record};
use crate::ring::Corrupt;

/// An item that has been taken; its bytes end at `end` in a buffer.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) priority: i64,
    pub(crate) end: usize,
    pub(crate) descriptors: Vec<OwnedFd>,
    /// Its bytes are in a memory file, the first of the descriptors.
    pub(crate) is_elsewhere: bool,
}

impl Holding<'_> {
    /// Takes the item that is next if that is one without descriptors: the case of every day. Copies
    /// its bytes to the end of `buffer`, and gives its priority.
    #[inline]
    pub(crate) fn remove_plain(&mut self, buffer: &mut Vec<u8>) -> Option<i64> {
        let (entry, record) = self.first().ok()?;
        if !record.is(Kind::Item) {
            return None;
        }
        let begin = buffer.len();
        let Ok(last) = self.copy(entry, record, buffer) else {
            buffer.truncate(begin);
            return None;
        };
        self.end_item(entry, record, last);
        Some(entry.priority)
    }

    /// Takes the item that is next, of which there is one, and copies its bytes to the end of
    /// `buffer`.
    pub(crate) fn remove(&mut self, buffer: &mut Vec<u8>) -> Result<Taken, GetError> {
        let (entry, record) = self.first()?;
        let last = self.copy(entry, record, buffer)?;
        let descriptors = match record.has_descriptors() {
            true => self.descriptors(entry)?,
            false => Some(Vec::new()),
        };
        self.end_item(entry, record, last);
        if record.has_descriptors() && descriptors.is_some() {
            self.store.vault.discard_front();
        }
        Ok(Taken {
            priority: entry.priority,
            end: buffer.len(),
            descriptors: descriptors.ok_or(GetError::DescriptorsLost)?,
            is_elsewhere: record.is(Kind::Elsewhere),
        })
    }

    /// Copies an item's bytes; gives its last chunk.
    #[inline]
    fn copy(&self, entry: Entry, record: Record, buffer: &mut Vec<u8>) -> Result<u32, Corrupt> {
        let len = record.len() as usize;
        chunks::read(&self.store.memory, entry.chunk, len, self.state.used, buffer)
    }

    /// From here on it is taken.
    #[inline]
    fn end_item(&mut self, entry: Entry, record: Record, last: u32) {
        let memory = &self.store.memory;
        memory.set_record(entry.chunk, 0);
        heap::pop(memory, self.state.len);
        self.state.len -= 1;
        self.state.free(memory, entry.chunk, last, chunks_for(record.len() as usize));
        if self.state.len == 0 {
            self.begin_anew();
        }
    }

    /// The item that is next, checked against everything that could lead astray.
    #[inline]
    fn first(&self) -> Result<(Entry, Record), Corrupt> {
        let memory = &self.store.memory;
        let entry = memory.entry(0);
        let chunk = within(entry.chunk, self.state.used)?;
        let record = item(memory.record(chunk), memory.size())?;
        if memory.entry_of(chunk) != entry {
            return Err(Corrupt("an item is not what it is taken for"));
        }
        Ok((entry, record))
    }

    /// Duplicates of an item's descriptors, which are at the front of the vault then; `None` if they
    /// are gone.
    #[cold]
    fn descriptors(&self, entry: Entry) -> Result<Option<Vec<OwnedFd>>, GetError> {
        Ok(self.store.vault.find(tag(entry), |tag| self.is_wanted(tag))?)
    }

    /// There are no items: the next ones lie at the beginning. Memory that a backlog took goes.
    #[inline]
    fn begin_anew(&mut self) {
        (self.state.used, self.state.free_len) = (0, 0);
        if self.state.is_large() {
            self.shrink();
        }
    }

    /// Dies in between: the memory stays until the queue has grown and is drained again.
    #[cold]
    fn shrink(&mut self) {
        self.state = State { resident: KEPT, ..self.state };
        self.save();
        // A refusal leaves the memory where it is, and the next growth finds it there.
        let _ = self.store.memory.give_back_from(KEPT);
    }
}
