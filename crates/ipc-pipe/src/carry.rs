//! Values to bytes and descriptors and back, for those who carry both by ways of their own.
//!
//! A [`Message`](crate::Message) owns its bytes. Who writes them into shared memory has them in
//! buffers that are used again and again.

use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cargo::LongNumbers;
use crate::error::{DecodeError, EncodeError};
use crate::message;

/// Appends the encoding of `value` to `buffer`, and duplicates of the descriptors in it to
/// `descriptors`.
///
/// Long numbers ([`Bulk`](crate::Bulk)) are among the bytes, not in memory files of their own.
///
/// # Errors
///
/// When the value's `Serialize` refuses, or a descriptor cannot be duplicated. Both may then have a
/// part of it.
///
/// # Examples
///
/// ```
/// use ipc_pipe::carry;
///
/// let (mut buffer, mut descriptors) = (Vec::new(), Vec::new());
/// carry::encode(&("three", 3), &mut buffer, &mut descriptors)?;
/// assert_eq!(carry::decode::<(String, i32)>(&buffer, descriptors)?, ("three".to_string(), 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[inline]
pub fn encode<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Vec<u8>,
    descriptors: &mut Vec<OwnedFd>,
) -> Result<(), EncodeError> {
    message::encode_as(LongNumbers::Within, value, buffer, descriptors)
}

/// The same with long numbers in memory files of their own, which the receiver maps.
///
/// # Errors
///
/// The same.
#[inline]
pub fn encode_with_files<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Vec<u8>,
    descriptors: &mut Vec<OwnedFd>,
) -> Result<(), EncodeError> {
    message::encode_as(LongNumbers::Beside, value, buffer, descriptors)
}

/// Decodes a value from exactly these bytes and the descriptors that came with them.
///
/// # Errors
///
/// As [`Message::decode`](crate::Message::decode).
#[inline]
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<T, DecodeError> {
    message::decode(bytes, descriptors)
}
