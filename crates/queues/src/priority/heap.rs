//! Which item is next: a heap of entries in shared memory, with four children to each.
//!
//! An entry has what it is compared by, so that no chunk is touched for that; four children of 24
//! bytes lie in two lines of the cache. Nothing here is the truth: after a death it is built anew.

use super::memory::Memory;

/// An item, in the order in which items are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) priority: i64,
    /// Counts all items that were ever put: first in, first out among equals.
    pub(crate) number: u64,
    /// Where the item begins.
    pub(crate) chunk: u32,
}

const CHILDREN: u32 = 4;

/// Adds an entry to a heap of `len`, which is less than there is room for.
#[inline]
pub(crate) fn push(memory: &Memory, len: u32, entry: Entry) {
    let mut hole = len;
    while hole > 0 {
        let parent = (hole - 1) / CHILDREN;
        let above = memory.entry(parent);
        if above <= entry {
            break;
        }
        memory.set_entry(hole, above);
        hole = parent;
    }
    memory.set_entry(hole, entry);
}

/// Takes the first entry out of a heap of `len`, which is not 0.
#[inline]
pub(crate) fn pop(memory: &Memory, len: u32) {
    let last = len - 1;
    if last > 0 {
        sift_down(memory, 0, last, memory.entry(last));
    }
}

/// Makes a heap of `len` entries in any order.
pub(crate) fn build(memory: &Memory, len: u32) {
    for at in (0..len.div_ceil(CHILDREN)).rev() {
        sift_down(memory, at, len, memory.entry(at));
    }
}

/// Puts an entry at `hole` or below, so that none above is larger.
#[inline]
fn sift_down(memory: &Memory, mut hole: u32, len: u32, entry: Entry) {
    while let Some((child, below)) = least_child(memory, hole, len)
        && below < entry
    {
        memory.set_entry(hole, below);
        hole = child;
    }
    memory.set_entry(hole, entry);
}

#[inline]
fn least_child(memory: &Memory, parent: u32, len: u32) -> Option<(u32, Entry)> {
    let first = parent * CHILDREN + 1;
    let children = first..(first + CHILDREN).min(len);
    children.map(|child| (child, memory.entry(child))).min_by_key(|&(_, entry)| entry)
}
