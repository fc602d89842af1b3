//! The floor: a ring in shared memory for one producer and one consumer, who look and do not sleep.
//!
//! Each side keeps what it has last seen of the other's progress, and looks again only when that
//! no longer suffices. There is no length, no type, no check, and nobody learns that the other is
//! dead. Copies are plain ones, which nothing undercuts.
#![allow(unsafe_code, reason = "copies as plainly as can be")]

use std::hint;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use multiproc::{RawArray, Shareable, Shared};
use serde::{Deserialize, Serialize};

use crate::contender::Missing;

/// How often a side looks before it lets others have the processor.
const SPINS: u32 = 10_000;

/// Places in a circle, and how often one was filled and emptied.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub(crate) struct Ring<T: Shareable + Copy> {
    slots: RawArray<T>,
    progress: Shared<Progress>,
    places: u64,
}

#[derive(Debug, Default, Shareable)]
#[repr(C)]
struct Progress {
    put: Count,
    got: Count,
}

/// On two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default, Shareable)]
#[repr(C, align(128))]
struct Count(AtomicU64);

impl<T: Shareable + Copy> Ring<T> {
    /// `places` is a power of two; each is `width` elements wide.
    pub(crate) fn new(places: usize, width: usize) -> Result<Self, Missing> {
        let no_memory = |e| format!("no shared memory: {e}");
        let slots = RawArray::with_len(places * width).map_err(no_memory)?;
        let progress = Shared::new(Progress::default()).map_err(no_memory)?;
        Ok(Self { slots, progress, places: places as u64 })
    }

    pub(crate) fn end(self) -> End<T> {
        End { ring: self, own: 0, other: 0 }
    }
}

/// One side of a ring: what it has done, and what it has seen of the other.
#[derive(Debug)]
pub(crate) struct End<T: Shareable + Copy> {
    ring: Ring<T>,
    own: u64,
    other: u64,
}

impl<T: Shareable + Copy> End<T> {
    #[inline]
    pub(crate) fn put(&mut self, item: T) {
        let place = self.free();
        // SAFETY: it is a place of the ring, and this side's until it says that it is filled.
        unsafe { self.slot(place).write(item) };
        self.filled();
    }

    #[inline]
    pub(crate) fn get(&mut self) -> T {
        let place = self.full();
        // SAFETY: it is a place of the ring, and this side's until it says that it is emptied.
        let item = unsafe { self.slot(place).read() };
        self.emptied();
        item
    }

    /// The next place to fill, once it is free.
    #[inline]
    fn free(&mut self) -> usize {
        if self.own - self.other == self.ring.places {
            self.other = wait(&self.ring.progress.got, self.own - self.ring.places);
        }
        self.place()
    }

    #[inline]
    fn filled(&mut self) {
        self.own += 1;
        self.ring.progress.put.0.store(self.own, Ordering::Release); // The item is seen first.
    }

    /// The next place to empty, once it is full.
    #[inline]
    fn full(&mut self) -> usize {
        if self.own == self.other {
            self.other = wait(&self.ring.progress.put, self.own);
        }
        self.place()
    }

    #[inline]
    fn emptied(&mut self) {
        self.own += 1;
        self.ring.progress.got.0.store(self.own, Ordering::Release); // It has been read before.
    }

    #[inline]
    fn place(&self) -> usize {
        (self.own & (self.ring.places - 1)) as usize
    }

    #[inline]
    fn slot(&self, index: usize) -> *mut T {
        self.ring.slots.as_ptr().wrapping_add(index)
    }
}

impl End<u8> {
    pub(crate) fn put_block(&mut self, bytes: &[u8]) {
        let start = self.free() * bytes.len();
        // SAFETY: all blocks are of one length, so that this is a place of the ring, which is this
        // side's until it says that it is filled.
        let room = unsafe { slice::from_raw_parts_mut(self.slot(start), bytes.len()) };
        room.copy_from_slice(bytes);
        self.filled();
    }

    /// Lends the next block, of `len` bytes, to `look` where it is.
    pub(crate) fn look_at_block<R>(&mut self, len: usize, look: impl FnOnce(&[u8]) -> R) -> R {
        let start = self.full() * len;
        // SAFETY: as above, until it is emptied, after the borrow has ended.
        let seen = look(unsafe { slice::from_raw_parts(self.slot(start), len) });
        self.emptied();
        seen
    }
}

/// Looks until `count` is no longer `seen`.
fn wait(count: &Count, seen: u64) -> u64 {
    let mut spins = 0;
    loop {
        match count.0.load(Ordering::Acquire) {
            now if now != seen => return now,
            _ if spins < SPINS => hint::spin_loop(),
            _ => thread::yield_now(),
        }
        spins += 1;
    }
}
