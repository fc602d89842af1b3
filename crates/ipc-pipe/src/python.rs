//! Connections that CPython's `multiprocessing.connection` understands, with nothing installed
//! there.
//!
//! A Python `Client` connects to our [`Listener`], and our [`Client`] to a Python `Listener`. What
//! crosses are messages of bytes: `send_bytes` and `recv_bytes` of Python. Its `send` and `recv`
//! pickle objects, and unpickling runs code, so agree on a format such as JSON instead.
//!
//! | here | in Python |
//! |---|---|
//! | `Address::unix("/run/x")` | `"/run/x"` |
//! | `Address::abstract_name("x")` | `"\0x"` |
//! | `Address::Tcp("127.0.0.1:80".parse()?)` | `("127.0.0.1", 80)` |
//!
//! # What the authkey protects here, and what it does not
//!
//! Both ends show that they know the key, by HMAC-SHA256 over 40 random bytes of the other; that is
//! what CPython does from 3.12 on. MD5, which is all that CPython 3.11 and older know, is refused,
//! with an error that says so. On unix sockets both ends also look at the user of their peer.
//!
//! The challenge does **not** protect what follows. Nothing is encrypted, and nothing ties the
//! messages to the challenge: whoever sits between the two ends can pass the challenge through, and
//! then read, change and inject messages. It does not tie the answer to a connection either: a
//! listener that does not know the key can pass the challenge of a real one on to a client. Use it
//! on unix sockets and on the loopback device; across a network, use
//! [`ipc_pipe::Listener`](crate::Listener), a tunnel, or nothing that matters.
//!
//! An empty key is legal, because it is in Python, and protects nothing. (A listener of CPython
//! 3.12 with an empty key asks for none, so give the client none either.)
//!
//! A client without a key that connects to a listener with one gets the listener's challenge as
//! its first message; that is how it is in Python, too.
//!
//! # Examples
//!
//! ```
//! use ipc_pipe::{Address, AuthKey, python};
//!
//! let key = AuthKey::new(*b"secret");
//! let place = Address::temporary()?;
//! let mut listener = python::Listener::options().authkey(key.clone()).bind(&place)?;
//! let address = listener.address().clone();
//!
//! // In Python: Client(address, authkey=b"secret").send_bytes(b"hello")
//! let client = std::thread::spawn(move || {
//!     let mut connection = python::Client::options().authkey(key).connect(&address).unwrap();
//!     connection.send_bytes(b"hello").unwrap();
//! });
//! assert_eq!(listener.accept()?.recv_bytes()?, b"hello");
//! client.join().unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```

mod challenge;
mod client;
mod connection;
mod incoming;
mod listener;

pub use client::{Client, ConnectOptions};
pub use connection::Connection;
pub use listener::{Listener, ListenerOptions};

/// The longest message whose length is 4 bytes; longer ones have 4 bytes of -1 and 8 of length.
const SHORT_MAX: u64 = 0x7fff_ffff;

/// The length that precedes a message, and how many of these bytes it has.
fn length_prefix(len: usize) -> ([u8; 12], usize) {
    let len = len as u64;
    let mut prefix = [0xff; 12];
    match u32::try_from(len).ok().filter(|_| len <= SHORT_MAX) {
        Some(short) => {
            prefix[..4].copy_from_slice(&short.to_be_bytes());
            (prefix, 4)
        }
        None => {
            prefix[4..].copy_from_slice(&len.to_be_bytes());
            (prefix, 12)
        }
    }
}
