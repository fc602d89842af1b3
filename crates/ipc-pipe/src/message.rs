//! One encoded value: its bytes (postcard) and the descriptors that ride beside them.

use std::os::fd::OwnedFd;

use postcard::ser_flavors::Flavor;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::bounded::{Bounded, Budget};
use crate::bulk::Bytes;
use crate::cargo::{self, LongNumbers};
use crate::error::{DecodeError, EncodeError};
use crate::explain;
use crate::handle::Handle;

/// A value in the form in which it travels.
///
/// Encoding and sending are two steps for those who send one value many times, or want to know that
/// it can be encoded before anything else happens. A message is a value itself and can be part of
/// another one; long ones then travel as a memory file.
///
/// # Examples
///
/// ```
/// use ipc_pipe::Message;
///
/// let message = Message::encode(&("three", 3))?;
/// assert_eq!(message.decode::<(String, i32)>()?, ("three".to_string(), 3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Message {
    pub(crate) bytes: Bytes,
    pub(crate) descriptors: Vec<Handle>,
}

impl Message {
    /// Encodes `value`, duplicating the descriptors it holds.
    ///
    /// # Errors
    ///
    /// When the value's `Serialize` refuses, or a descriptor cannot be duplicated.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Message, EncodeError> {
        let mut bytes = Vec::new();
        let descriptors = encode_into(value, &mut bytes)?;
        Ok(Message {
            bytes: bytes.into(),
            descriptors: descriptors.into_iter().map(Handle).collect(),
        })
    }

    /// A message of bytes that came some other way, without descriptors.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_pipe::Message;
    ///
    /// let stored = Message::encode(&[1_u8, 2])?.bytes().to_vec();
    /// assert_eq!(Message::from_bytes(stored).decode::<[u8; 2]>()?, [1, 2]);
    /// assert!(Message::from_bytes(vec![]).decode::<[u8; 2]>().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes(bytes: Vec<u8>) -> Message {
        Message { bytes: bytes.into(), descriptors: Vec::new() }
    }

    /// Decodes the value.
    ///
    /// A message from a hostile peer costs memory in proportion to its length, and values nested
    /// more than 128 deep are refused.
    ///
    /// # Errors
    ///
    /// When the message is not an encoded `T`: too short, too long, or with contents that its
    /// `Deserialize` refuses.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        let descriptors = self.descriptors.into_iter().map(Handle::into_inner).collect();
        decode(&self.bytes, descriptors)
    }

    /// The encoded bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many descriptors ride beside the bytes.
    pub fn descriptor_count(&self) -> usize {
        self.descriptors.len()
    }

    /// A message of bytes and descriptors that came some other way.
    pub fn from_parts(bytes: impl Into<Bytes>, descriptors: Vec<OwnedFd>) -> Message {
        Message { bytes: bytes.into(), descriptors: descriptors.into_iter().map(Handle).collect() }
    }
}

/// Appends the encoding of `value` to `buffer` and returns its descriptors.
pub(crate) fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Vec<u8>,
) -> Result<Vec<OwnedFd>, EncodeError> {
    let mut descriptors = Vec::new();
    encode_as(LongNumbers::Beside, value, buffer, &mut descriptors)?;
    Ok(descriptors)
}

/// The same, with long numbers where `numbers` says, and the descriptors in a place of the caller's.
#[inline]
pub(crate) fn encode_as<T: Serialize + ?Sized>(
    numbers: LongNumbers,
    value: &T,
    buffer: &mut Vec<u8>,
    descriptors: &mut Vec<OwnedFd>,
) -> Result<(), EncodeError> {
    let result = cargo::load(numbers, descriptors, || serialize(value, buffer));
    result.map_err(|error| cargo::load(numbers, &mut Vec::new(), || explain(value, &error)))
}

/// Appends the encoding of `value` to `buffer` where no descriptor can ride.
#[cfg_attr(not(feature = "authkey"), allow(dead_code, reason = "only networks lack descriptors"))]
pub(crate) fn encode_plain<T: Serialize + ?Sized>(
    value: &T,
    buffer: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    serialize(value, buffer).map_err(|error| explain(value, &error))
}

/// An error with the words of the value that refused.
#[cold]
fn explain<T: Serialize + ?Sized>(value: &T, error: &postcard::Error) -> EncodeError {
    EncodeError(explain::refusal_of(value).unwrap_or_else(|| error.to_string()))
}

/// Decodes exactly `bytes`, with `descriptors` to take from.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    descriptors: Vec<OwnedFd>,
) -> Result<T, DecodeError> {
    let budget = Budget::for_input(bytes.len());
    let mut deserializer = postcard::Deserializer::from_bytes(bytes);
    let value =
        cargo::unload(descriptors, || T::deserialize(Bounded::new(&mut deserializer, &budget)));
    let value = value.map_err(|error| DecodeError(error.0.into()))?;
    match deserializer.finalize() {
        Ok([]) => Ok(value),
        Ok(rest) => Err(DecodeError(format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(DecodeError(error.to_string())),
    }
}

fn serialize<T: Serialize + ?Sized>(value: &T, buffer: &mut Vec<u8>) -> postcard::Result<()> {
    postcard::serialize_with_flavor(value, Append(buffer))
}

/// The most bytes that postcard makes of a number of 64 bits.
const LONGEST_NUMBER: usize = 10;

/// Lets postcard write at the end of a buffer that outlives the message.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if data.len() > LONGEST_NUMBER {
            self.0.extend_from_slice(data);
            return Ok(());
        }
        // A number has been written byte by byte a moment ago. Reading it in wider units now would
        // stop the processor until the bytes are in its cache.
        for byte in data {
            self.0.push(*byte);
        }
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
