//! The values of a [`ShareableList`](crate::ShareableList), and how they lie in their slots.
//!
//! A slot is a tag, a length and as many bytes as the slot takes. Any bytes may come from another
//! process: reading them gives an item or an error, whatever they are.

use crate::ShmError;

/// Length of what stands in front of the bytes of an item: its tag and its length.
pub(crate) const HEAD_LEN: usize = 16;

/// The tag of a slot that is being written. All bytes zero is no tag either.
pub(crate) const WRITING: u64 = u64::MAX;

const NONE: u64 = 1;
const BOOL: u64 = 2;
const INT: u64 = 3;
const FLOAT: u64 = 4;
const STR: u64 = 5;
const BYTES: u64 = 6;

/// A value in a [`ShareableList`](crate::ShareableList).
///
/// # Examples
///
/// ```
/// use ipc_shm::Item;
///
/// assert_eq!(Item::from("text"), Item::Str("text".to_string()));
/// assert_eq!(Item::from(7), Item::Int(7));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "transfer", derive(serde::Serialize, serde::Deserialize))]
pub enum Item {
    /// Nothing.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Str(String),
    /// Any bytes.
    Bytes(Vec<u8>),
}

/// What stands in front of the bytes of an item, checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    tag: u64,
    pub(crate) len: usize,
}

impl Item {
    /// How many bytes of its slot it needs.
    pub(crate) fn len(&self) -> usize {
        match self {
            Item::None => 0,
            Item::Bool(_) | Item::Int(_) | Item::Float(_) => 8,
            Item::Str(text) => text.len(),
            Item::Bytes(bytes) => bytes.len(),
        }
    }

    pub(crate) fn tag(&self) -> u64 {
        match self {
            Item::None => NONE,
            Item::Bool(_) => BOOL,
            Item::Int(_) => INT,
            Item::Float(_) => FLOAT,
            Item::Str(_) => STR,
            Item::Bytes(_) => BYTES,
        }
    }

    /// Its bytes without the head.
    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Item::None => Vec::new(),
            Item::Bool(value) => u64::from(*value).to_ne_bytes().to_vec(),
            Item::Int(value) => value.to_ne_bytes().to_vec(),
            Item::Float(value) => value.to_ne_bytes().to_vec(),
            Item::Str(text) => text.as_bytes().to_vec(),
            Item::Bytes(bytes) => bytes.clone(),
        }
    }
}

impl Head {
    /// Checks a head against the bytes that its slot takes.
    pub(crate) fn decode(bytes: [u8; HEAD_LEN], slot: usize) -> Result<Head, ShmError> {
        let (tag, len) = (word(&bytes[..8]), word(&bytes[8..]));
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let fits = match tag {
            NONE => len == 0,
            BOOL | INT | FLOAT => len == 8,
            STR | BYTES => true,
            WRITING => return Err(ShmError::Corrupt("a process ended while it wrote the item")),
            _ => return Err(ShmError::Corrupt("an item has an unknown type")),
        };
        if !fits || len > slot {
            return Err(ShmError::Corrupt("an item has a length that cannot be"));
        }
        Ok(Head { tag, len })
    }

    /// The head of an item.
    pub(crate) fn encode(tag: u64, len: usize) -> [u8; HEAD_LEN] {
        let mut bytes = [0; HEAD_LEN];
        bytes[..8].copy_from_slice(&tag.to_ne_bytes());
        bytes[8..].copy_from_slice(&(len as u64).to_ne_bytes());
        bytes
    }

    /// The item of which these are the bytes.
    pub(crate) fn item(self, bytes: Vec<u8>) -> Result<Item, ShmError> {
        match self.tag {
            NONE => Ok(Item::None),
            BOOL => match word(&bytes) {
                0 => Ok(Item::Bool(false)),
                1 => Ok(Item::Bool(true)),
                _ => Err(ShmError::Corrupt("a truth value is neither true nor false")),
            },
            INT => Ok(Item::Int(word(&bytes).cast_signed())),
            FLOAT => Ok(Item::Float(f64::from_bits(word(&bytes)))),
            STR => match String::from_utf8(bytes) {
                Ok(text) => Ok(Item::Str(text)),
                Err(_) => Err(ShmError::Corrupt("text is not UTF-8")),
            },
            _ => Ok(Item::Bytes(bytes)),
        }
    }
}

/// The first eight bytes as a number; missing ones are zero.
pub(crate) fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    u64::from_ne_bytes(word)
}

impl From<()> for Item {
    fn from((): ()) -> Item {
        Item::None
    }
}

impl From<&str> for Item {
    fn from(text: &str) -> Item {
        Item::Str(text.to_owned())
    }
}

impl From<&[u8]> for Item {
    fn from(bytes: &[u8]) -> Item {
        Item::Bytes(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Item {
    fn from(bytes: &[u8; N]) -> Item {
        Item::Bytes(bytes.to_vec())
    }
}

macro_rules! from {
    ($($variant:ident: $($type:ty),*;)*) => {$($(
        impl From<$type> for Item {
            fn from(value: $type) -> Item {
                Item::$variant(value.into())
            }
        }
    )*)*};
}

from! {
    Bool: bool;
    Int: i8, i16, i32, i64, u8, u16, u32;
    Float: f32, f64;
    Str: String;
    Bytes: Vec<u8>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(item: &Item, slot: usize) -> Result<Item, ShmError> {
        Head::decode(Head::encode(item.tag(), item.len()), slot)?.item(item.encode())
    }

    #[test]
    fn every_item_comes_back() {
        for item in [
            Item::None,
            true.into(),
            false.into(),
            i64::MIN.into(),
            (-0.0).into(),
            "é\0".into(),
            "".into(),
            b"\0\xff\0".as_slice().into(),
        ] {
            assert_eq!(round_trip(&item, 8).unwrap(), item);
        }
    }

    #[test]
    fn what_cannot_be_is_corrupt() {
        let decode =
            |tag, len, bytes: &[u8]| Head::decode(Head::encode(tag, len), 8)?.item(bytes.to_vec());
        for (tag, len, bytes) in [
            (0, 0, [].as_slice()),
            (7, 0, &[]),
            (WRITING, 0, &[]),
            (NONE, 1, &[0]),
            (INT, 7, &[0; 7]),
            (STR, 9, &[0; 9]),
            (BYTES, usize::MAX, &[]),
            (STR, 1, &[0xff]),
            (BOOL, 8, &[2, 0, 0, 0, 0, 0, 0, 0]),
        ] {
            let result = decode(tag, len, bytes);
            assert!(matches!(result, Err(ShmError::Corrupt(_))), "{tag} {len}: {result:?}");
        }
    }
}
