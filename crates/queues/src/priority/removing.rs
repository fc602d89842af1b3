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
    /// Takes the item that is next, of which there is one, and copies its bytes to the end of
    /// `buffer`.
    #[inline]
    pub(crate) fn remove(&mut self, buffer: &mut Vec<u8>) -> Result<Taken, GetError> {
        let (entry, record) = self.first()?;
        let (memory, len) = (&self.store.memory, record.len() as usize);
        let last = chunks::read(memory, entry.chunk, len, self.state.used, buffer)?;
        let descriptors = match record.has_descriptors() {
            true => self.descriptors(entry)?,
            false => Some(Vec::new()),
        };
        memory.set_record(entry.chunk, 0);
        heap::pop(memory, self.state.len);
        self.state.len -= 1;
        self.state.free(memory, entry.chunk, last, chunks_for(len));
        if record.has_descriptors() && descriptors.is_some() {
            self.store.vault.discard_front();
        }
        if self.state.len == 0 {
            self.begin_anew();
        }
        Ok(Taken {
            priority: entry.priority,
            end: buffer.len(),
            descriptors: descriptors.ok_or(GetError::DescriptorsLost)?,
            is_elsewhere: record.is(Kind::Elsewhere),
        })
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
