//! The shared memory of a stage as bytes, to put it back as a death has left it, or to show it.
//!
//! It is found in `/proc/self/maps`: all that is shared and writable, except the board. So a stage
//! need not say where its memory is, and memory that a primitive maps for itself is seen as well.
#![allow(unsafe_code, reason = "copies mapped memory")]

use std::fmt::Write;
use std::ops::Range;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use crate::board;

/// A longer mapping is sparse: looking at its holes would fill them.
const LONGEST: usize = 16 << 20;

/// How many words a failure shows.
const SHOWN: usize = 24;

#[derive(Debug)]
pub(crate) struct Image {
    parts: Vec<(Range<usize>, Vec<u32>)>,
}

impl Image {
    /// Copies the shared memory of all stages that live.
    pub(crate) fn take() -> Self {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let board = std::ptr::from_ref(&**board::set_up()) as usize;
        let stages = maps.lines().filter_map(shared).filter(|range| !range.contains(&board));
        Self { parts: stages.map(|range| (range.clone(), words(&range).collect())).collect() }
    }

    /// Puts the bytes back. The stages must still live.
    pub(crate) fn restore(&self) {
        for (range, kept) in &self.parts {
            for (address, value) in range.clone().step_by(4).zip(kept) {
                word(address).store(*value, Relaxed);
            }
        }
    }

    /// The words that are not zero, with where they lie in their mapping.
    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        let words = self.parts.iter().flat_map(|(_, kept)| kept.iter().enumerate());
        for (index, value) in words.filter(|(_, value)| **value != 0).take(SHOWN) {
            let _ = write!(text, " +{:#x}={value:#x}", index * 4);
        }
        text
    }
}

fn words(range: &Range<usize>) -> impl Iterator<Item = u32> {
    range.clone().step_by(4).map(|address| word(address).load(Relaxed))
}

fn word(address: usize) -> &'static AtomicU32 {
    // SAFETY: the address is a multiple of four in a mapping that `shared` found readable and
    // writable, and that its stage keeps while an image of it is in use.
    unsafe { AtomicU32::from_ptr(address as *mut u32) }
}

/// The range of a line of `maps` that is shared, writable and not too long.
fn shared(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let from = usize::from_str_radix(from, 16).ok()?;
    let to = usize::from_str_radix(to, 16).ok()?;
    (words.next()? == "rw-s" && to - from <= LONGEST).then_some(from..to)
}

#[cfg(test)]
mod tests {
    use super::shared;

    #[test]
    fn only_shared_and_writable_lines_count() {
        assert_eq!(shared("1000-3000 rw-s 0 00:01 7 /dev/zero (deleted)"), Some(0x1000..0x3000));
        assert_eq!(shared("1000-3000 ---s 0 00:01 7"), None);
        assert_eq!(shared("1000-3000 rw-p 0 00:00 0 [heap]"), None);
    }
}
