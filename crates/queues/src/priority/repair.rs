//! What whoever gets the lock of a dead one does first: it looks at all chunks, and builds what
//! follows from them anew.
//!
//! Only what is in private memory and in the items themselves is believed, so a repairer that dies
//! leaves all to the next. It takes about as long as copying the items.

use super::chunks::{chunks_for, within};
use super::control::State;
use super::heap;
use super::memory::Memory;
use super::size::Size;
use crate::record::{Kind, Record};
use crate::ring::Corrupt;

/// Chunks that belong to items.
#[derive(Debug)]
struct Marks(Vec<u64>);

/// What follows from the items, in place of what the dead one left of it.
///
/// An item needs `used` and `resident` to be stored before itself, and they become less only while
/// there is none: so all items lie below the lesser of the two, whichever were stored last.
pub(crate) fn rebuild(memory: &Memory, left: State) -> Result<State, Corrupt> {
    let resident = left.resident.min(memory.size().room);
    let end = left.used.min(resident);
    let mut state = State::empty(left.last_seq, resident);
    let mut marks = Marks(vec![0; end.div_ceil(64) as usize]);
    for chunk in 0..end {
        let record = memory.record(chunk);
        if record != 0 {
            let record = item(record, memory.size())?;
            marks.add_chain(memory, chunk, chunks_for(record.len() as usize), end)?;
            let entry = memory.entry_of(chunk);
            memory.set_entry(state.len, entry);
            state.len += 1;
            state.last_seq = state.last_seq.max(entry.number);
        }
    }
    heap::build(memory, state.len);
    state.used = marks.end();
    for chunk in (0..state.used).filter(|&chunk| !marks.has(chunk)) {
        state.free(memory, chunk, chunk, 1);
    }
    Ok(state)
}

/// The record that a word spells, if it is one of an item.
#[inline]
pub(crate) fn item(word: u64, size: Size) -> Result<Record, Corrupt> {
    Record::from_word(word)
        .filter(|record| !record.is(Kind::Jump) && record.len() as usize <= size.longest())
        .ok_or(Corrupt("there is no item"))
}

impl Marks {
    fn has(&self, chunk: u32) -> bool {
        self.0[chunk as usize / 64] >> (chunk % 64) & 1 == 1
    }

    /// Behind the last one.
    fn end(&self) -> u32 {
        let last = self.0.iter().rposition(|&word| word != 0);
        last.map_or(0, |last| last as u32 * 64 + 64 - self.0[last].leading_zeros())
    }

    fn add(&mut self, chunk: u32) -> Result<(), Corrupt> {
        if self.has(chunk) {
            return Err(Corrupt("two items share a chunk"));
        }
        self.0[chunk as usize / 64] |= 1 << (chunk % 64);
        Ok(())
    }

    fn add_chain(
        &mut self,
        memory: &Memory,
        first: u32,
        chunks: u32,
        end: u32,
    ) -> Result<(), Corrupt> {
        let mut chunk = first;
        self.add(chunk)?;
        for _ in 1..chunks {
            chunk = within(memory.next(chunk), end)?;
            self.add(chunk)?;
        }
        Ok(())
    }
}
