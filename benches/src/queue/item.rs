//! What is passed on: numbered, so that the other side can tell whether all has come.

use std::fmt::Debug;

use multiproc::Shareable;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) const KIB: usize = 1 << 10;
pub(crate) const MIB: usize = 1 << 20;

/// How many small items may be under way.
pub(crate) const PLACES: usize = 1024;

/// A value of a few words.
pub(crate) trait Item: Shareable + Copy + Debug + Serialize + DeserializeOwned {
    fn numbered(number: u64) -> Self;

    /// What it was numbered with.
    fn number(&self) -> u64;
}

impl Item for u64 {
    fn numbered(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

impl Item for [u64; 8] {
    fn numbered(number: u64) -> Self {
        [number; 8]
    }

    fn number(&self) -> u64 {
        number(self[0], self[7])
    }
}

/// Bytes that the producer keeps, and of which the consumer wants a copy of its own.
#[derive(Clone, Debug)]
pub(crate) struct Block(Box<[u8]>);

impl Block {
    pub(crate) fn new(len: usize) -> Self {
        Self(vec![1; len].into())
    }

    /// Its bytes, with the number at both ends.
    pub(crate) fn numbered(&mut self, number: u64) -> &[u8] {
        let word = number.to_le_bytes();
        self.0[..8].copy_from_slice(&word);
        let last = self.0.len() - 8;
        self.0[last..].copy_from_slice(&word);
        &self.0
    }

    /// Where the bytes of another go, and its number afterwards.
    pub(crate) fn filled(&mut self, fill: impl FnOnce(&mut [u8])) -> u64 {
        fill(&mut self.0);
        number_of(&self.0)
    }
}

/// The number of a block's bytes.
pub(crate) fn number_of(bytes: &[u8]) -> u64 {
    let word = |bytes: Option<&[u8; 8]>| bytes.map_or(0, |word| u64::from_le_bytes(*word));
    number(word(bytes.first_chunk()), word(bytes.last_chunk()))
}

/// The number at both ends, or one that no sum can hide.
fn number(first: u64, last: u64) -> u64 {
    if first == last { first } else { 1 << 60 }
}

/// What a block counts: small ones are counted, and of large ones the bytes.
pub(crate) fn worth(len: usize) -> u64 {
    if len < MIB { 1 } else { len as u64 }
}

/// How many blocks may be under way: as few large ones as a cache might hold.
pub(crate) fn places(len: usize) -> usize {
    if len < MIB { PLACES } else { 4 }
}
