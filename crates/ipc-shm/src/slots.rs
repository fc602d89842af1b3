//! Where the slots of a [`ShareableList`](crate::ShareableList) lie.
//!
//! The payload is the number of items, then how many bytes each slot takes (multiples of eight),
//! then the slots one after the other, each with its head. This never changes, so every handle
//! reads it once, checks that it fills the payload, and keeps its own copy.

use crate::ShmError;
use crate::item::{HEAD_LEN, word};

const WORD: usize = 8;

/// One slot; both in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Of its head, from the start of the payload.
    pub(crate) offset: usize,
    /// What it takes behind the head.
    pub(crate) room: usize,
}

/// The slots for items of these lengths, and the length of the payload.
///
/// Each takes eight bytes at least, so that a number fits.
pub(crate) fn plan(lengths: &[usize]) -> Option<(Vec<Slot>, usize)> {
    let table = table_len(lengths.len())?;
    let rooms = lengths.iter().map(|len| len.max(&1).checked_next_multiple_of(WORD));
    place(table, rooms)
}

/// The slots as another process has written them down.
pub(crate) fn decode(table: &[u8], count: usize, payload: usize) -> Result<Vec<Slot>, ShmError> {
    let corrupt = || ShmError::Corrupt("the slots of a list do not fill it");
    if table_len(count) != Some(table.len()) || word(table) != count as u64 {
        return Err(corrupt());
    }
    let rooms = table[WORD..].chunks_exact(WORD).map(|bytes| usize::try_from(word(bytes)).ok());
    let aligned = |room: &usize| room.is_multiple_of(WORD);
    let (slots, end) =
        place(table.len(), rooms.map(|room| room.filter(aligned))).ok_or_else(corrupt)?;
    if end == payload { Ok(slots) } else { Err(corrupt()) }
}

/// What [`decode`] reads.
pub(crate) fn encode(slots: &[Slot]) -> Vec<u8> {
    let words = std::iter::once(slots.len()).chain(slots.iter().map(|slot| slot.room));
    words.flat_map(|word| (word as u64).to_ne_bytes()).collect()
}

/// How long the table for `count` slots is.
pub(crate) fn table_len(count: usize) -> Option<usize> {
    count.checked_add(1)?.checked_mul(WORD)
}

fn place(start: usize, rooms: impl Iterator<Item = Option<usize>>) -> Option<(Vec<Slot>, usize)> {
    let mut offset = start;
    let mut slots = Vec::new();
    for room in rooms {
        let room = room?;
        slots.push(Slot { offset, room });
        offset = offset.checked_add(HEAD_LEN)?.checked_add(room)?;
    }
    Some((slots, offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_comes_back() {
        let (slots, payload) = plan(&[0, 1, 8, 9]).unwrap();
        assert_eq!(slots.iter().map(|slot| slot.room).collect::<Vec<_>>(), [8, 8, 8, 16]);
        assert_eq!(decode(&encode(&slots), 4, payload).unwrap(), slots);
        assert_eq!(plan(&[]).unwrap(), (vec![], 8));
        assert_eq!(plan(&[usize::MAX]), None);
    }

    #[test]
    fn a_table_that_does_not_fill_the_payload_is_corrupt() {
        let table = encode(&plan(&[8, 8]).unwrap().0);
        let payload = 24 + 2 * 24;
        assert!(decode(&table, 2, payload).is_ok());
        for (at, byte) in [(0, 3), (8, 16), (8, 9), (15, 0xff), (16, 0)] {
            let mut table = table.clone();
            table[at] = byte;
            assert!(decode(&table, 2, payload).is_err(), "{at}: {byte}");
        }
        assert!(decode(&table, 1, payload).is_err());
        assert!(decode(&table[..8], 2, payload).is_err());
        assert!(decode(&[], 0, 0).is_err());
    }
}
