//! What stands in front of every item in the ring.

use crate::shape::UNIT;

/// The bytes of a header.
pub(crate) const HEADER: usize = 8;

const KIND_SHIFT: u32 = 32;

/// What a record is. A word of zeros, as a hole in memory reads, is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing: the next record stands so many units farther.
    Jump = 1,
    /// The bytes of an item.
    Item = 2,
    /// The same, and its descriptors lie in the vault.
    ItemWithDescriptors = 3,
    /// The length of an item whose bytes are in a memory file, the first of its descriptors.
    Elsewhere = 4,
}

/// The header of a record: the number of bytes behind it in the lower half, its kind in the upper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record(u64);

impl Record {
    #[inline]
    pub(crate) fn new(kind: Kind, len: u32) -> Record {
        Record((kind as u64) << KIND_SHIFT | u64::from(len))
    }

    #[inline]
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// The header that a word spells; `None` if no producer writes such a word.
    #[inline]
    pub(crate) fn from_word(word: u64) -> Option<Record> {
        (1..=4).contains(&(word >> KIND_SHIFT)).then_some(Record(word))
    }

    /// Bytes behind the header.
    #[inline]
    pub(crate) fn len(self) -> u32 {
        self.0 as u32
    }

    #[inline]
    pub(crate) fn is(self, kind: Kind) -> bool {
        self.0 >> KIND_SHIFT == kind as u64
    }

    /// How many units it takes, with its header.
    #[inline]
    pub(crate) fn units(self) -> u32 {
        units_for(self.len())
    }

    #[inline]
    pub(crate) fn has_descriptors(self) -> bool {
        self.0 >> KIND_SHIFT >= Kind::ItemWithDescriptors as u64
    }
}

/// How many units a record of `len` bytes takes.
#[inline]
pub(crate) fn units_for(len: u32) -> u32 {
    ((len as usize + HEADER).div_ceil(UNIT)) as u32
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_word_and_back() {
        for kind in [Kind::Jump, Kind::Item, Kind::ItemWithDescriptors, Kind::Elsewhere] {
            let record = Record::new(kind, 77);
            assert_eq!(Record::from_word(record.word()), Some(record));
            assert!(record.is(kind));
            assert_eq!(record.len(), 77);
        }
        assert_eq!(Record::from_word(0), None);
        assert_eq!(Record::from_word(u64::MAX), None);
    }

    #[test]
    fn a_short_item_takes_one_unit() {
        assert_eq!([0, 8, 9, 24, 25].map(units_for), [1, 1, 2, 2, 3]);
    }
}
