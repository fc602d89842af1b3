//! The secret that both ends of an authenticated connection know.

use std::fmt;
use std::io;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::sys::net;

/// A secret that both ends of an authenticated connection know.
///
/// Use [`generate`](AuthKey::generate) and hand the key to those who may connect. A password makes
/// a poor key: whoever records the start of a connection can try guesses at leisure.
///
/// The bytes are wiped from memory on drop, are compared in constant time and never appear in
/// `Debug`. A key can be part of a message, which is how child processes get theirs: send it only
/// where nobody listens in (a unix socket, an encrypted connection), because the encoded message is
/// the key in clear, and its buffers are not wiped.
///
/// # Examples
///
/// ```
/// use ipc_pipe::AuthKey;
///
/// let key = AuthKey::generate()?;
/// assert_eq!(key.as_bytes().len(), 32);
/// assert_eq!(format!("{key:?}"), "AuthKey(..)");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct AuthKey(Zeroizing<Vec<u8>>);

impl AuthKey {
    /// A new key of 32 random bytes.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub fn generate() -> io::Result<AuthKey> {
        Ok(AuthKey(Zeroizing::new(net::random_bytes::<32>()?.to_vec())))
    }

    /// A key that is known already.
    ///
    /// An empty one is accepted here, because Python programs use it; listeners and clients of
    /// this crate's own protocol refuse it, because it protects nothing.
    pub fn new(bytes: impl Into<Vec<u8>>) -> AuthKey {
        AuthKey(Zeroizing::new(bytes.into()))
    }

    /// The bytes of the key. They are secret.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True if the key has no bytes, and so protects nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for AuthKey {
    fn eq(&self, other: &AuthKey) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for AuthKey {}

impl fmt::Debug for AuthKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthKey(..)")
    }
}

impl Serialize for AuthKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for AuthKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = AuthKey;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the bytes of a key")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<AuthKey, E> {
        Ok(AuthKey::new(bytes))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<AuthKey, E> {
        Ok(AuthKey::new(bytes))
    }
}
