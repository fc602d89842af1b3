//! The constants of a queue. Every process checks them once and uses its own copy from then on.

use std::io;

/// A record begins at a multiple of so many bytes: a short item and its header are one unit.
pub(crate) const UNIT: usize = 16;

/// Longer items travel in a memory file of their own: filling it keeps nobody else waiting.
pub(crate) const LONGEST_IN_RING: usize = 16 << 20;

/// The part of a ring that has memory from the start, and stays warm in the processor's caches.
const FIRST_BYTES: usize = 32 << 10;

/// What a bounded queue has addresses for; its memory comes when it is needed.
const BOUNDED_BYTES: usize = 1 << 30;

/// What an unbounded queue has addresses for.
const UNBOUNDED_BYTES: usize = 32 << 30;

/// The least and the most that a ring may be.
const FEWEST_UNITS: u32 = 64;
const MOST_UNITS: u32 = 1 << 31;

/// How large a queue is, in units of [`UNIT`] bytes and in items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The units of the ring's numbers, a power of two: it starts over at multiples of this.
    pub(crate) cycle: u32,
    /// The units that there are addresses for, which are no more.
    pub(crate) room: u32,
    /// The units that have memory from the start.
    pub(crate) first: u32,
    /// The most items.
    pub(crate) items: u32,
    /// 1 if items that have been taken are counted until they are done.
    pub(crate) counts_tasks: u32,
}

impl Shape {
    /// At most so many items, of any size.
    pub(crate) fn of_items(items: usize) -> io::Result<Shape> {
        let items = u32::try_from(items).ok().filter(|items| (1..MOST_UNITS).contains(items));
        let items = items.ok_or_else(|| {
            let why = "a queue holds 1 to 2147483647 items; `unbounded` has no bound";
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })?;
        Ok(Shape { items, ..Shape::of_addresses(BOUNDED_BYTES) })
    }

    /// As many items as fit into so many bytes, which are set aside at once.
    pub(crate) fn of_bytes(bytes: usize) -> io::Result<Shape> {
        let most = MOST_UNITS as usize * UNIT;
        if bytes == 0 || bytes > most {
            let why = "a queue takes 1 byte to 32 GiB";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let units = bytes.div_ceil(UNIT) as u32;
        let room = units.max(FEWEST_UNITS);
        Ok(Shape { cycle: room.next_power_of_two(), room, first: room, ..Shape::of_no_bound() })
    }

    /// As much as there is memory.
    pub(crate) fn of_no_bound() -> Shape {
        Shape::of_addresses(UNBOUNDED_BYTES)
    }

    fn of_addresses(bytes: usize) -> Shape {
        let units = (bytes / UNIT) as u32;
        let first = (FIRST_BYTES / UNIT) as u32;
        Shape { cycle: units, room: units, first, items: u32::MAX, counts_tasks: 0 }
    }

    /// The same with half the addresses, for a process that may have no more.
    pub(crate) fn halved(self) -> Option<Shape> {
        let units = self.cycle / 2;
        let smaller = Shape { cycle: units, room: units, ..self };
        (self.room > self.first && units >= self.first * 2).then_some(smaller)
    }

    /// What was read from shared memory, if a queue can be so.
    pub(crate) fn checked(self, bytes: usize) -> Option<Shape> {
        let powers = self.cycle.is_power_of_two() && self.cycle <= MOST_UNITS;
        let order =
            FEWEST_UNITS <= self.first && self.first <= self.room && self.room <= self.cycle;
        (powers && order && self.items > 0 && bytes >= self.bytes()).then_some(self)
    }

    /// The bytes of the ring.
    pub(crate) fn bytes(self) -> usize {
        self.room as usize * UNIT
    }

    /// The most bytes that an item may have in the ring: it then fits into an empty one wherever
    /// that stands.
    pub(crate) fn longest(self) -> usize {
        (self.bytes() / 2 - 2 * UNIT).min(LONGEST_IN_RING)
    }

    /// Where in the ring a unit lies.
    pub(crate) fn place_of(self, unit: u32) -> u32 {
        unit & (self.cycle - 1)
    }

    pub(crate) fn is_bounded_by_items(self) -> bool {
        self.items != u32::MAX
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn no_queue_holds_nothing() {
        assert!(Shape::of_items(0).is_err());
        assert!(Shape::of_bytes(0).is_err());
        assert!(Shape::of_items(usize::MAX).is_err());
        assert!(Shape::of_bytes(usize::MAX).is_err());
    }

    #[test]
    fn what_is_made_is_accepted() {
        for shape in [Shape::of_items(1), Shape::of_bytes(1), Ok(Shape::of_no_bound())] {
            let shape = shape.expect("a shape");
            assert_eq!(shape.checked(shape.bytes()), Some(shape));
            assert_eq!(shape.checked(shape.bytes() - 1), None);
            assert!(shape.longest() > 256);
        }
    }

    #[test]
    fn shapes_of_strangers_are_refused() {
        let good = Shape::of_items(10).expect("a shape");
        let bytes = good.bytes();
        for bad in [
            Shape { cycle: good.cycle - 1, ..good },
            Shape { cycle: 0, ..good },
            Shape { room: good.cycle + 1, ..good },
            Shape { first: 0, ..good },
            Shape { first: good.room + 1, ..good },
            Shape { items: 0, ..good },
        ] {
            assert_eq!(bad.checked(bytes.max(bad.bytes())), None, "{bad:?}");
        }
    }
}
