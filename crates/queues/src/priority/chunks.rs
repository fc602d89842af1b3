//! Where items lie: chains of chunks, and the chunks that are free.
//!
//! A chain's length follows from its record, and the list's from `free_len`; so no link marks an end,
//! no walk is longer than what it is checked against, and a chain goes back to the list by one link.
//!
//! | dies | then |
//! |---|---|
//! | while it fills free chunks | they are free: no record leads there |
//! | while it frees the chunks of an item that is taken | the same |
//! | while it gets memory | what is set aside twice is there once |
//!
//! The list is built anew by whoever has the lock next.

use super::control::State;
use super::memory::{FIRST_HEADER, HEADER, Memory};
use super::size::{CHUNK, KEPT};
use crate::ring::{Corrupt, NoRoom};

/// The most chunks that get memory at a time: others wait while the system clears it.
const STEP: u32 = 64 << 10;

const IN_FIRST: usize = CHUNK - FIRST_HEADER;
const IN_OTHERS: usize = CHUNK - HEADER;

/// How many chunks an item of `len` bytes takes.
#[inline]
pub(crate) fn chunks_for(len: usize) -> u32 {
    1 + len.saturating_sub(IN_FIRST).div_ceil(IN_OTHERS) as u32
}

impl State {
    /// Sees to it that so many chunks are free and have memory.
    #[inline]
    pub(crate) fn make_room(&mut self, memory: &Memory, chunks: u32) -> Result<(), NoRoom> {
        if chunks <= self.left(self.resident) { Ok(()) } else { self.grow(memory, chunks) }
    }

    #[cold]
    fn grow(&mut self, memory: &Memory, chunks: u32) -> Result<(), NoRoom> {
        let room = memory.size().room;
        if chunks > self.left(room) {
            return Err(NoRoom::Full);
        }
        let least = self.resident + (chunks - self.left(self.resident));
        let wanted = self.resident.saturating_add(self.resident.min(STEP)).clamp(least, room);
        let set_aside = |end| memory.set_aside(self.resident..end).map(|()| end);
        let end = set_aside(wanted).or_else(|_| set_aside(least));
        self.resident = end.map_err(|_| NoRoom::OutOfMemory)?;
        Ok(())
    }

    /// Writes an item's bytes to chunks for which there is room; gives the first.
    #[inline]
    pub(crate) fn write(&mut self, memory: &Memory, bytes: &[u8]) -> Result<u32, Corrupt> {
        let first = self.take(memory)?;
        let (begin, rest) = bytes.split_at(bytes.len().min(IN_FIRST));
        memory.write(first, FIRST_HEADER, begin);
        if !rest.is_empty() {
            self.write_rest(memory, first, rest)?;
        }
        Ok(first)
    }

    fn write_rest(&mut self, memory: &Memory, first: u32, bytes: &[u8]) -> Result<(), Corrupt> {
        let mut before = first;
        for part in bytes.chunks(IN_OTHERS) {
            let chunk = self.take(memory)?;
            memory.set_next(before, chunk);
            memory.write(chunk, HEADER, part);
            before = chunk;
        }
        Ok(())
    }

    /// A chunk that is free.
    #[inline]
    fn take(&mut self, memory: &Memory) -> Result<u32, Corrupt> {
        if self.free_len == 0 {
            self.used += 1;
            return Ok(self.used - 1);
        }
        let chunk = within(self.free, self.used)?;
        self.free_len -= 1;
        self.free = memory.next(chunk);
        Ok(chunk)
    }

    /// Puts a chain of so many chunks into the list of free ones.
    #[inline]
    pub(crate) fn free(&mut self, memory: &Memory, first: u32, last: u32, chunks: u32) {
        memory.set_next(last, self.free);
        self.free = first;
        self.free_len += chunks;
    }

    /// True if it has more memory than a drained queue keeps.
    #[inline]
    pub(crate) fn is_large(&self) -> bool {
        self.resident > KEPT
    }
}

/// Copies an item's bytes to the end of `buffer`; gives the last chunk.
#[inline]
pub(crate) fn read(
    memory: &Memory,
    first: u32,
    len: usize,
    used: u32,
    buffer: &mut Vec<u8>,
) -> Result<u32, Corrupt> {
    buffer.reserve(len);
    memory.read(first, FIRST_HEADER, len.min(IN_FIRST), buffer);
    let (mut chunk, mut left) = (first, len.saturating_sub(IN_FIRST));
    while left > 0 {
        chunk = within(memory.next(chunk), used)?;
        let part = left.min(IN_OTHERS);
        memory.read(chunk, HEADER, part, buffer);
        left -= part;
    }
    Ok(chunk)
}

/// A chunk that a link leads to, if there is one.
#[inline]
pub(crate) fn within(chunk: u32, used: u32) -> Result<u32, Corrupt> {
    if chunk < used { Ok(chunk) } else { Err(Corrupt("a link leads nowhere")) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_short_item_takes_one_chunk() {
        assert_eq!([0, 96, 97, 208, 209].map(chunks_for), [1, 1, 2, 2, 3]);
    }
}
