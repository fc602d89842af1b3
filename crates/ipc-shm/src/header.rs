//! The 64 bytes in front of every payload, by which a stranger knows what it has opened.
//!
//! They are read once into private memory and checked there; only that copy is used afterwards, so
//! that nobody can change a length between the check and the use. All bytes zero is no header: a
//! peer may punch a hole even into a sealed file.

use std::mem::offset_of;

use crate::{Layout, ShmError};

/// Length of a header, and the least offset of a payload.
pub(crate) const HEADER_LEN: usize = 64;

/// Spells `mproc.sm` in memory; on a machine of another byte order it is another number.
const MAGIC: u64 = u64::from_ne_bytes(*b"mproc.sm");

/// Counts up with every change of the header or of what lies behind it.
const VERSION: u32 = 1;

/// Where a region came from, which decides what a receiver must see before it trusts the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// A memory file without a name, sealed against changes of its length.
    Anonymous = 1,
    /// A file under our prefix in `/dev/shm`.
    Named = 2,
    /// A file where the user put it.
    File = 3,
}

/// What a region says about itself; all lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// The hash of the payload's [`Layout`].
    pub(crate) layout: u64,
    pub(crate) payload_len: usize,
    /// How many elements the payload has.
    pub(crate) count: usize,
    pub(crate) payload_offset: usize,
    /// Of the machine that made it, for people who look at a file.
    pub(crate) page_size: u32,
}

/// The header as it lies in the file.
#[repr(C)]
struct Raw {
    magic: u64,
    version: u32,
    header_len: u32,
    layout: u64,
    payload_len: u64,
    count: u64,
    payload_offset: u64,
    page_size: u32,
    kind: u32,
    reserved: u64,
}

const _: () = assert!(size_of::<Raw>() == HEADER_LEN);

impl Header {
    /// A header for `payload_len` bytes; `None` if the file would exceed what can be mapped.
    pub(crate) fn new(
        kind: Kind,
        layout: Layout,
        payload_len: usize,
        count: usize,
        page_size: usize,
    ) -> Option<Header> {
        let payload_offset = HEADER_LEN.max(layout.align());
        let total = payload_offset.checked_add(payload_len)?;
        let page_size = u32::try_from(page_size).ok()?;
        let layout = layout.hash();
        let fits = isize::try_from(total).is_ok();
        fits.then_some(Header { kind, layout, payload_len, count, payload_offset, page_size })
    }

    /// Header and payload.
    pub(crate) fn total_len(&self) -> usize {
        self.payload_offset + self.payload_len
    }

    /// The bytes that go into the file.
    pub(crate) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let mut put = |offset: usize, value: &[u8]| {
            bytes[offset..offset + value.len()].copy_from_slice(value);
        };
        put(offset_of!(Raw, magic), &MAGIC.to_ne_bytes());
        put(offset_of!(Raw, version), &VERSION.to_ne_bytes());
        put(offset_of!(Raw, header_len), &(HEADER_LEN as u32).to_ne_bytes());
        put(offset_of!(Raw, layout), &self.layout.to_ne_bytes());
        put(offset_of!(Raw, payload_len), &(self.payload_len as u64).to_ne_bytes());
        put(offset_of!(Raw, count), &(self.count as u64).to_ne_bytes());
        put(offset_of!(Raw, payload_offset), &(self.payload_offset as u64).to_ne_bytes());
        put(offset_of!(Raw, page_size), &self.page_size.to_ne_bytes());
        put(offset_of!(Raw, kind), &(self.kind as u32).to_ne_bytes());
        bytes
    }

    /// Checks the bytes of anybody's header against the length of the file they stand in.
    pub(crate) fn decode(bytes: &[u8; HEADER_LEN], file_len: u64) -> Result<Header, ShmError> {
        let raw = Raw::read(bytes);
        if raw.magic != MAGIC {
            return Err(ShmError::NotARegion);
        }
        if raw.version != VERSION || raw.header_len as usize != HEADER_LEN {
            return Err(ShmError::Version { expected: VERSION, found: raw.version });
        }
        let kind = match raw.kind {
            1 => Kind::Anonymous,
            2 => Kind::Named,
            3 => Kind::File,
            _ => return Err(ShmError::NotARegion),
        };
        let end = raw.payload_offset.checked_add(raw.payload_len).ok_or(ShmError::NotARegion)?;
        if end > file_len {
            return Err(ShmError::Truncated { expected: end, found: file_len });
        }
        raw.header(kind).filter(Header::is_plausible).ok_or(ShmError::NotARegion)
    }

    fn is_plausible(&self) -> bool {
        self.payload_len > 0
            && self.payload_offset >= HEADER_LEN
            && self.payload_offset.is_multiple_of(HEADER_LEN)
            && isize::try_from(self.total_len()).is_ok()
    }
}

impl Raw {
    fn read(bytes: &[u8; HEADER_LEN]) -> Raw {
        let word = |offset: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[offset..offset + 8]);
            u64::from_ne_bytes(word)
        };
        let half = |offset: usize| {
            let mut half = [0; 4];
            half.copy_from_slice(&bytes[offset..offset + 4]);
            u32::from_ne_bytes(half)
        };
        Raw {
            magic: word(offset_of!(Raw, magic)),
            version: half(offset_of!(Raw, version)),
            header_len: half(offset_of!(Raw, header_len)),
            layout: word(offset_of!(Raw, layout)),
            payload_len: word(offset_of!(Raw, payload_len)),
            count: word(offset_of!(Raw, count)),
            payload_offset: word(offset_of!(Raw, payload_offset)),
            page_size: half(offset_of!(Raw, page_size)),
            kind: half(offset_of!(Raw, kind)),
            reserved: word(offset_of!(Raw, reserved)),
        }
    }

    fn header(&self, kind: Kind) -> Option<Header> {
        (self.reserved == 0).then_some(())?;
        Some(Header {
            kind,
            layout: self.layout,
            payload_len: usize::try_from(self.payload_len).ok()?,
            count: usize::try_from(self.count).ok()?,
            payload_offset: usize::try_from(self.payload_offset).ok()?,
            page_size: self.page_size,
        })
    }
}
