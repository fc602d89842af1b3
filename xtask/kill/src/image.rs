//! The shared memory of a stage as bytes, to put it back as a death has left it, or to show it.
//!
//! It is found in `/proc/self/maps`: all that is shared and writable, except the board. So a stage
//! need not say where its memory is, and memory that a primitive maps for itself is seen as well.
//! Sparse memory has holes of gigabytes, which are left out: to look at them would fill them.
#![allow(unsafe_code, reason = "copies mapped memory")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use crate::board;

/// How many words a failure shows.
const SHOWN: usize = 24;

const PAGE: usize = 4096;

#[derive(Debug)]
pub(crate) struct Image {
    parts: Vec<Part>,
}

/// A mapping, and the pages of it that have memory.
#[derive(Debug)]
struct Part {
    range: Range<usize>,
    pages: BTreeMap<usize, Vec<u32>>,
}

impl Image {
    /// Copies the shared memory of all stages that live.
    pub(crate) fn take() -> Self {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        let board = std::ptr::from_ref(&**board::set_up()) as usize;
        let stages = maps.lines().filter_map(shared).filter(|range| !range.contains(&board));
        Self { parts: stages.map(Part::take).collect() }
    }

    /// Puts the bytes back. The stages must still live.
    pub(crate) fn restore(&self) {
        self.parts.iter().for_each(Part::restore);
    }

    /// The words that are not zero, with where they lie in their mapping.
    pub(crate) fn show(&self) -> String {
        let mut text = String::new();
        let words = self.parts.iter().flat_map(Part::words);
        for (offset, value) in words.filter(|(_, value)| *value != 0).take(SHOWN) {
            let _ = write!(text, " +{offset:#x}={value:#x}");
        }
        text
    }
}

impl Part {
    fn take(range: Range<usize>) -> Part {
        let copy = |page| (page, words(page).map(|address| word(address).load(Relaxed)).collect());
        Part { pages: resident(&range).map(copy).collect(), range }
    }

    /// A page that had no memory, and has it now, was zero.
    fn restore(&self) {
        let has_come = |page: &usize| !self.pages.contains_key(page);
        for page in resident(&self.range).filter(has_come) {
            words(page).for_each(|address| word(address).store(0, Relaxed));
        }
        for (page, kept) in &self.pages {
            words(*page)
                .zip(kept)
                .for_each(|(address, value)| word(address).store(*value, Relaxed));
        }
    }

    fn words(&self) -> impl Iterator<Item = (usize, u32)> {
        let offsets = |page: &usize| words(page - self.range.start);
        self.pages.iter().flat_map(move |(page, kept)| offsets(page).zip(kept.iter().copied()))
    }
}

/// The pages of a mapping that have memory.
fn resident(range: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    let mut marks = vec![0_u8; range.len() / PAGE];
    let (begin, len) = (range.start, range.len());
    // SAFETY: writes a byte for each page of a mapping of this process, and there are as many.
    let failed = unsafe { libc::mincore(begin as *mut _, len, marks.as_mut_ptr()) };
    assert_eq!(failed, 0, "a mapping is gone");
    let pages = marks.into_iter().enumerate().filter(|(_, mark)| mark & 1 == 1);
    pages.map(move |(index, _)| begin + index * PAGE)
}

fn words(page: usize) -> impl Iterator<Item = usize> {
    (page..page + PAGE).step_by(4)
}

fn word(address: usize) -> &'static AtomicU32 {
    // SAFETY: the address is a multiple of four in a mapping that `shared` found readable and
    // writable, and that its stage keeps while an image of it is in use.
    unsafe { AtomicU32::from_ptr(address as *mut u32) }
}

/// The range of a line of `maps` that is shared and writable.
fn shared(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let from = usize::from_str_radix(from, 16).ok()?;
    let to = usize::from_str_radix(to, 16).ok()?;
    (words.next()? == "rw-s").then_some(from..to)
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
