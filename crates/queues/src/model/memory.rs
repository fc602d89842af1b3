//! A queue's memory in a model: a control block on the heap, and words that loom watches.

use std::ops::Range;
use std::ptr::NonNull;

use ipc_shm::{Region, ShmError};

use crate::control::Control;
use crate::platform::{AtomicU64, Ordering::Relaxed};
use crate::shape::{Shape, UNIT};

/// How many words a unit has.
const WORDS: usize = UNIT / 8;

/// In place of a mapping. An item's bytes are whole words.
#[derive(Debug)]
pub(crate) struct Memory {
    control: Box<Control>,
    words: Vec<AtomicU64>,
    shape: Shape,
}

impl Memory {
    pub(crate) fn of(shape: Shape) -> Memory {
        let words = (0..shape.bytes() / 8).map(|_| AtomicU64::new(0)).collect();
        Memory { control: Box::new(Control::new(shape)), words, shape }
    }

    pub(crate) fn new(shape: Shape) -> Result<Memory, ShmError> {
        Ok(Memory::of(shape))
    }

    pub(crate) fn attach(_: Region) -> Result<Memory, ShmError> {
        Err(ShmError::Empty)
    }

    pub(crate) fn region(&self) -> &Region {
        unreachable!("a model sends nothing")
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    pub(crate) fn header(&self, place: u32) -> u64 {
        self.words[place as usize * WORDS].load(Relaxed)
    }

    pub(crate) fn set_header(&self, place: u32, word: u64) {
        self.words[place as usize * WORDS].store(word, Relaxed);
    }

    pub(crate) fn write(&self, place: u32, bytes: &[u8]) {
        let words = &self.words[place as usize * WORDS + 1..];
        for (word, bytes) in words.iter().zip(bytes.chunks_exact(8)) {
            word.store(bytes.try_into().map_or(0, u64::from_ne_bytes), Relaxed);
        }
    }

    pub(crate) fn read(&self, place: u32, len: usize, buffer: &mut Vec<u8>) {
        let words = &self.words[place as usize * WORDS + 1..][..len / 8];
        words.iter().for_each(|word| buffer.extend_from_slice(&word.load(Relaxed).to_ne_bytes()));
    }

    pub(crate) fn prepare_read(&self, _: u32) {}

    pub(crate) fn lend(&self, _: u32, _: usize) -> NonNull<[u8]> {
        unreachable!("a model lends nothing")
    }

    pub(crate) fn set_aside(&self, _: Range<u32>) -> Result<(), ShmError> {
        Ok(())
    }

    pub(crate) fn give_back_from(&self, _: u32) -> Result<(), ShmError> {
        Ok(())
    }
}
