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

/// Appends the encoding of `value` to `buffer`, and gives duplicates of the descriptors in it.
///
/// Long numbers ([`Bulk`](crate::Bulk)) are among the bytes, not in memory files of their own.
///
/// # Errors
///
/// When the value's `Serialize` refuses, or a descriptor cannot be duplicated. The buffer may then
/// have a part of the encoding.
///
/// # Examples
///
/// ```
/// use ipc_pipe::carry;
///
/// let mut buffer = Vec::new();
/// let descriptors = carry::encode(&("three", 3), &mut buffer)?;
/// assert_eq!(carry::decode::<(String, i32)>(&buffer, descriptors)?, ("three".to_string(), 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Vec<u8>,
) -> Result<Vec<OwnedFd>, EncodeError> {
    message::encode_as(LongNumbers::Within, value, buffer)
}

/// Decodes a value from exactly these bytes and the descriptors that came with them.
///
/// # Errors
///
/// As [`Message::decode`](crate::Message::decode).
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<T, DecodeError> {
    message::decode(bytes, descriptors)
}
