//! Memory that a thread uses again and again for the encoding of items.

#![expect(clippy::box_collection, reason = "moving one word out and in is quicker than three")]

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// What a thread keeps.
const KEPT: usize = 2 << 20;

thread_local! {
    static KEEP: Cell<Option<Box<Vec<u8>>>> = const { Cell::new(None) };
}

/// Empty memory, which goes back to the thread when dropped. A use within a use gets memory of its
/// own, and so does a thread whose locals are gone.
///
/// Boxed, as moving one word out and in is quicker than moving three.
#[derive(Debug)]
pub(crate) struct Scratch(Option<Box<Vec<u8>>>);

impl Scratch {
    #[inline]
    pub(crate) fn new() -> Scratch {
        let kept = KEEP.try_with(Cell::take).ok().flatten();
        let mut buffer = kept.unwrap_or_default();
        buffer.clear();
        Scratch(Some(buffer))
    }
}

impl Deref for Scratch {
    type Target = Vec<u8>;

    #[inline]
    fn deref(&self) -> &Vec<u8> {
        self.0.as_ref().expect("only taken when it is dropped")
    }
}

impl DerefMut for Scratch {
    #[inline]
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        self.0.as_mut().expect("only taken when it is dropped")
    }
}

impl Drop for Scratch {
    #[inline]
    fn drop(&mut self) {
        let buffer = self.0.take().filter(|buffer| buffer.capacity() <= KEPT);
        // A failure is a thread whose locals are gone.
        let _ = KEEP.try_with(|keep| keep.set(buffer));
    }
}
