//! Where one side of a ring stands, in one word.

/// How many items have passed, and the unit up to which the ring has been gone through, both modulo
/// 2³².
///
/// They change by one store, so that no death in between leaves the number of items wrong. A ring
/// has 2³¹ units at most, so differences are unambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) count: u32,
    pub(crate) unit: u32,
}

impl Mark {
    pub(crate) fn from_word(word: u64) -> Mark {
        Mark { count: (word >> 32) as u32, unit: word as u32 }
    }

    pub(crate) fn word(self) -> u64 {
        u64::from(self.count) << 32 | u64::from(self.unit)
    }

    /// One item further, at `unit`.
    pub(crate) fn after_item(self, unit: u32) -> Mark {
        Mark { count: self.count.wrapping_add(1), unit }
    }

    /// How many items lie between an earlier mark and this one.
    pub(crate) fn items_since(self, earlier: Mark) -> u32 {
        self.count.wrapping_sub(earlier.count)
    }

    /// How many units lie between an earlier mark and this one.
    pub(crate) fn units_since(self, earlier: u32) -> u32 {
        self.unit.wrapping_sub(earlier)
    }
}
