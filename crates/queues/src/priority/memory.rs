//! The mapping of a priority queue: its control block, a row of heap entries, and the chunks.
//!
//! ```text
//! first chunk of an item   record  next  priority  number   96 bytes
//! every other one          0       next                    112 bytes
//! ```
//!
//! A record is what [`record`](crate::record) says, or 0. Every place is checked against the private
//! copy of the size, whatever the shared memory says; all of it is read and written by relaxed
//! atomics.
#![allow(unsafe_code, reason = "reaches the control block, the entries and the chunks by address")]

use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use ipc_shm::{Layout, Region, Shareable, ShmError};

use super::control::Control;
use super::heap::Entry;
use super::size::{CHUNK, FIRST, Size};

use Ordering::{Relaxed, Release};

/// The bytes in front of an item, and in front of those of its parts that lie in further chunks.
pub(crate) const FIRST_HEADER: usize = 4 * WORD;
pub(crate) const HEADER: usize = 2 * WORD;

const WORD: usize = 8;
const RECORD: usize = 0;
const NEXT: usize = WORD;
const PRIORITY: usize = 2 * WORD;
const NUMBER: usize = 3 * WORD;

const ENTRY: usize = 3 * WORD;
const PAGE: usize = 4096;

/// Where the entries begin: behind the control block.
const ENTRIES: usize = size_of::<Control>().next_multiple_of(PAGE);

const LAYOUT: Layout =
    Layout::new("queues::PriorityQueue", size_of::<Control>(), align_of::<Control>())
        .with(Control::LAYOUT);

/// Where the chunks begin.
fn chunks(size: Size) -> usize {
    ENTRIES + (size.room as usize * ENTRY).next_multiple_of(PAGE)
}

fn total(size: Size) -> usize {
    chunks(size) + size.room as usize * CHUNK
}

/// A mapped priority queue.
#[derive(Debug)]
pub(crate) struct Memory {
    region: Region,
    /// The first byte of the control block.
    base: NonNull<u8>,
    /// Where the chunks begin.
    chunks: usize,
    size: Size,
}

// SAFETY: the pointer leads into the region, which may be used by any thread, and what lies there
// is changed by atomics, or by the one that holds a lock.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Makes a queue; with fewer addresses than `size` wants, if this process may not have so many.
    pub(crate) fn new(mut size: Size) -> Result<Memory, ShmError> {
        let region = loop {
            let options = Region::options().sparse().layout(LAYOUT);
            match (options.anonymous(total(size)), size.halved()) {
                (Err(ShmError::OutOfMemory { .. } | ShmError::TooLarge), Some(less)) => size = less,
                (region, _) => break region?,
            }
        };
        region.set_aside(0..ENTRIES)?;
        // SAFETY: the region is as long as the control block and aligned for it, and has memory
        // there; nobody else knows of it yet.
        unsafe { region.as_ptr().cast::<Control>().write(Control::new(size)) };
        let memory = Memory::over(region, size)?;
        memory.set_aside(0..FIRST)?;
        Ok(memory)
    }

    /// Takes a region that another process has sent, if it is a priority queue.
    pub(crate) fn attach(region: Region) -> Result<Memory, ShmError> {
        region.check_layout(LAYOUT)?;
        // SAFETY: `check_layout` has seen that the region has a control block's size, alignment and
        // type; it is mapped while `region` lives.
        let control = unsafe { &*region.as_ptr().cast::<Control>() };
        let size = control.fixed.size().checked().filter(|&size| total(size) <= region.len());
        Memory::over(region, size.ok_or(ShmError::Corrupt("no priority queue has such a size"))?)
    }

    fn over(region: Region, size: Size) -> Result<Memory, ShmError> {
        let base = NonNull::new(region.as_ptr()).ok_or(ShmError::Empty)?;
        Ok(Memory { region, base, chunks: chunks(size), size })
    }

    /// What is sent to other processes.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    #[inline]
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    #[inline]
    pub(crate) fn control(&self) -> &Control {
        // SAFETY: the region begins with a control block (`new` wrote it, `attach` checked the
        // type), is mapped while `self` lives, and every part of it is atomic or behind a lock.
        unsafe { self.base.cast::<Control>().as_ref() }
    }

    #[inline]
    pub(crate) fn entry(&self, at: u32) -> Entry {
        let [priority, number, chunk] = self.entry_words(at).map(|word| word.load(Relaxed));
        Entry { priority: priority.cast_signed(), number, chunk: chunk as u32 }
    }

    #[inline]
    pub(crate) fn set_entry(&self, at: u32, entry: Entry) {
        let [priority, number, chunk] = self.entry_words(at);
        priority.store(entry.priority.cast_unsigned(), Relaxed); // The lock orders all three.
        number.store(entry.number, Relaxed);
        chunk.store(u64::from(entry.chunk), Relaxed);
    }

    #[inline]
    fn entry_words(&self, at: u32) -> [&AtomicU64; 3] {
        assert!(at < self.size.room, "the place was checked");
        let first = ENTRIES + at as usize * ENTRY;
        [first, first + WORD, first + 2 * WORD].map(|offset| self.word(offset))
    }

    /// The record of a chunk: 0 unless an item begins there.
    #[inline]
    pub(crate) fn record(&self, chunk: u32) -> u64 {
        self.word(self.chunk(chunk) + RECORD).load(Relaxed) // The lock orders it.
    }

    /// Makes or ends an item. Everything written before is there if this is.
    #[inline]
    pub(crate) fn set_record(&self, chunk: u32, record: u64) {
        // Release: so that the compiler keeps the order, which is what counts when we die here.
        self.word(self.chunk(chunk) + RECORD).store(record, Release);
    }

    #[inline]
    pub(crate) fn next(&self, chunk: u32) -> u32 {
        self.word(self.chunk(chunk) + NEXT).load(Relaxed) as u32 // The lock orders it.
    }

    #[inline]
    pub(crate) fn set_next(&self, chunk: u32, next: u32) {
        self.word(self.chunk(chunk) + NEXT).store(u64::from(next), Relaxed); // As above.
    }

    /// The entry that belongs to the item that begins at a chunk.
    #[inline]
    pub(crate) fn entry_of(&self, chunk: u32) -> Entry {
        let first = self.chunk(chunk);
        let [priority, number] = [PRIORITY, NUMBER].map(|at| self.word(first + at).load(Relaxed));
        Entry { priority: priority.cast_signed(), number, chunk } // The lock orders both.
    }

    #[inline]
    pub(crate) fn set_entry_of(&self, chunk: u32, entry: Entry) {
        let first = self.chunk(chunk);
        let word = |at| self.word(first + at);
        word(PRIORITY).store(entry.priority.cast_unsigned(), Relaxed); // `set_record` orders both.
        word(NUMBER).store(entry.number, Relaxed);
    }

    /// Where a chunk begins.
    #[inline]
    fn chunk(&self, chunk: u32) -> usize {
        assert!(chunk < self.size.room, "the place was checked");
        self.chunks + chunk as usize * CHUNK
    }

    #[inline]
    fn word(&self, offset: usize) -> &AtomicU64 {
        let at = self.base.as_ptr().wrapping_add(offset);
        // SAFETY: callers pass the offset of a word of an entry or a chunk that they have checked;
        // both are aligned to 8 bytes, mapped while `self` lives, and touched by atomics only.
        unsafe { AtomicU64::from_ptr(at.cast()) }
    }

    /// Copies a part of an item into a chunk, behind `header` bytes.
    #[inline]
    pub(crate) fn write(&self, chunk: u32, header: usize, bytes: &[u8]) {
        let to = self.bytes(chunk, header, bytes.len());
        // SAFETY: `bytes` has checked that so many lie in the chunk; the holder of the lock writes
        // where no item lies.
        unsafe { ipc_shm::copy_in(to, bytes.as_ptr(), bytes.len()) };
    }

    /// Copies a part of an item to the end of `buffer`.
    #[inline]
    pub(crate) fn read(&self, chunk: u32, header: usize, len: usize, buffer: &mut Vec<u8>) {
        let from = self.bytes(chunk, header, len);
        buffer.reserve(len);
        let begin = buffer.len();
        let to = buffer.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: `bytes` has checked that so many lie in the chunk, and the buffer has room.
        unsafe { ipc_shm::copy_out(to, from, len) };
        // SAFETY: so many bytes have just been written behind those that were there.
        unsafe { buffer.set_len(begin + len) };
    }

    /// The address behind a chunk's header, which at least `len` bytes follow.
    #[inline]
    fn bytes(&self, chunk: u32, header: usize, len: usize) -> *mut u8 {
        assert!(header + len <= CHUNK, "it was cut into pieces that fit");
        self.base.as_ptr().wrapping_add(self.chunk(chunk) + header)
    }

    /// Sets memory aside for chunks, and for as many entries.
    pub(crate) fn set_aside(&self, chunks: Range<u32>) -> Result<(), ShmError> {
        let (entries, chunks) = self.places(chunks);
        self.region.set_aside(entries)?;
        self.region.set_aside(chunks)
    }

    /// Gives the memory of chunks and entries back, from a chunk on. They read as 0 then.
    pub(crate) fn give_back_from(&self, chunk: u32) -> Result<(), ShmError> {
        let (entries, chunks) = self.places(chunk..self.size.room);
        self.region.give_back(entries)?;
        self.region.give_back(chunks)
    }

    fn places(&self, chunks: Range<u32>) -> (Range<usize>, Range<usize>) {
        let of = |begin: usize, size: usize| {
            begin + chunks.start as usize * size..begin + chunks.end as usize * size
        };
        (of(ENTRIES, ENTRY), of(self.chunks, CHUNK))
    }
}
