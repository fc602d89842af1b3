//! The constants of a priority queue. Every process checks them once and uses its own copy from then
//! on.

use std::io;

use crate::shape::{LONGEST_IN_RING, Shape};

/// A chunk's bytes: two lines of the cache, so that a short item takes one.
pub(crate) const CHUNK: usize = 128;

/// The chunks that have memory from the start.
pub(crate) const FIRST: u32 = 256;

/// The chunks whose memory a drained queue keeps, so that bursts up to this size find it warm.
pub(crate) const KEPT: u32 = 32 << 10;

/// What a bounded queue has addresses for at least, and an unbounded one at most.
const BOUNDED: u32 = 8 << 20;
const MOST: u32 = 1 << 28;

/// How large a priority queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// The chunks that there are addresses for.
    pub(crate) room: u32,
    /// The most items.
    pub(crate) items: u32,
}

impl Size {
    /// At most so many items, of any length.
    pub(crate) fn of_items(items: usize) -> io::Result<Size> {
        let items = Shape::of_items(items)?.items;
        Ok(Size { room: items.clamp(BOUNDED, MOST), items })
    }

    /// As much as there is memory.
    pub(crate) fn of_no_bound() -> Size {
        Size { room: MOST, items: u32::MAX }
    }

    /// The same with half the addresses, for a process that may have no more.
    pub(crate) fn halved(self) -> Option<Size> {
        let room = self.room / 2;
        (room >= FIRST).then_some(Size { room, ..self })
    }

    /// What was read from shared memory, if a priority queue can be so.
    pub(crate) fn checked(self) -> Option<Size> {
        ((FIRST..=MOST).contains(&self.room) && self.items > 0).then_some(self)
    }

    /// The most bytes that an item may have in chunks; it then fits into an empty queue.
    pub(crate) fn longest(self) -> usize {
        (self.room as usize * CHUNK / 2).min(LONGEST_IN_RING)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_queue_holds_nothing() {
        assert!(Size::of_items(0).is_err());
        assert!(Size::of_items(usize::MAX).is_err());
    }

    #[test]
    fn a_bound_of_items_has_chunks_for_them() {
        let size = Size::of_items(100_000_000).expect("a size");
        assert!(size.room >= size.items);
        assert_eq!(size.checked(), Some(size));
        assert_eq!(Size { room: FIRST - 1, ..size }.checked(), None);
        assert_eq!(Size { room: MOST + 1, ..size }.checked(), None);
        assert_eq!(Size { items: 0, ..size }.checked(), None);
    }
}
