//! The part of a mapping that belongs to the values in it.

use memmap2::MmapRaw;

use crate::header::Header;
use crate::{ShmError, copy};

/// What lies behind the header of a mapping; all offsets count from its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Payload<'a> {
    mapping: &'a MmapRaw,
    offset: usize,
    len: usize,
}

impl<'a> Payload<'a> {
    /// The payload that a checked header describes.
    pub(crate) fn new(mapping: &'a MmapRaw, header: &Header) -> Payload<'a> {
        Payload { mapping, offset: header.payload_offset, len: header.payload_len }
    }

    /// Its first byte.
    pub(crate) fn as_ptr(self) -> *mut u8 {
        self.mapping.as_mut_ptr().wrapping_add(self.offset)
    }

    /// Copies private bytes in.
    pub(crate) fn put(self, offset: usize, bytes: &[u8]) -> Result<(), ShmError> {
        self.check(offset, bytes.len())?;
        copy::put(self.mapping, self.offset + offset, bytes);
        Ok(())
    }

    /// Copies bytes out.
    pub(crate) fn take(self, offset: usize, bytes: &mut [u8]) -> Result<(), ShmError> {
        self.check(offset, bytes.len())?;
        copy::take(self.mapping, self.offset + offset, bytes);
        Ok(())
    }

    fn check(self, offset: usize, len: usize) -> Result<(), ShmError> {
        let end = offset.saturating_add(len);
        if end > self.len { Err(ShmError::OutOfBounds { end, len: self.len }) } else { Ok(()) }
    }
}
