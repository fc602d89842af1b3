//! Values to what lies in the ring, and back.

use std::os::fd::OwnedFd;

use ipc_pipe::carry;
use ipc_shm::Region;
use serde::de::DeserializeOwned;

use crate::error::{GetError, PutErrorKind};
use crate::record::Kind;
use crate::sys::DESCRIPTORS_PER_PACKET;

/// An item in the form in which it lies in the ring, but for its tag.
#[derive(Debug)]
pub(crate) struct Parcel<'a> {
    pub(crate) kind: Kind,
    pub(crate) bytes: &'a [u8],
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// Runs `send` with an encoded item in its form for a ring that takes `longest` bytes.
#[inline]
pub(crate) fn pack_bytes<R>(
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
    longest: usize,
    send: impl FnOnce(&Parcel<'_>) -> Result<R, PutErrorKind>,
) -> Result<R, PutErrorKind> {
    if bytes.len() <= longest && descriptors.is_empty() {
        return send(&Parcel { kind: Kind::Item, bytes, descriptors });
    }
    pack_rare(bytes, descriptors, longest, send)
}

#[cold]
fn pack_rare<R>(
    bytes: &[u8],
    mut descriptors: Vec<OwnedFd>,
    longest: usize,
    send: impl FnOnce(&Parcel<'_>) -> Result<R, PutErrorKind>,
) -> Result<R, PutErrorKind> {
    // One is left for the memory file of a long item.
    if descriptors.len() >= DESCRIPTORS_PER_PACKET {
        return Err(PutErrorKind::TooManyDescriptors);
    }
    if bytes.len() <= longest {
        return send(&Parcel { kind: Kind::ItemWithDescriptors, bytes, descriptors });
    }
    let entry = move_elsewhere(bytes, &mut descriptors)?;
    send(&Parcel { kind: Kind::Elsewhere, bytes: &entry, descriptors })
}

/// Puts the bytes of a long item into a memory file of its own, whose descriptor comes first; gives
/// what stands in the ring instead.
fn move_elsewhere(bytes: &[u8], descriptors: &mut Vec<OwnedFd>) -> Result<Vec<u8>, PutErrorKind> {
    let region = Region::new(bytes.len())?;
    region.write_at(0, bytes)?;
    let (mut entry, mut own) = (Vec::new(), Vec::new());
    carry::encode(&region, &mut entry, &mut own)?;
    descriptors.splice(0..0, own);
    Ok(entry)
}

/// The memory file of a long item, by what stands in the ring instead.
pub(crate) fn elsewhere(entry: &[u8], descriptors: &mut Vec<OwnedFd>) -> Result<Region, GetError> {
    let own = descriptors.drain(..descriptors.len().min(1)).collect();
    Ok(carry::decode(entry, own)?)
}

/// The value that bytes and descriptors spell.
#[inline]
pub(crate) fn unpack<T: DeserializeOwned>(
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<T, GetError> {
    Ok(carry::decode(bytes, descriptors)?)
}
