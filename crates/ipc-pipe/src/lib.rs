//! Typed connections between processes that carry values and file descriptors, with deadlines on
//! everything.
//!
//! ```
//! use std::time::Duration;
//! use ipc_pipe::{Connection, Handle, duplex};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! enum Job {
//!     Double(u64),
//!     Log { text: String, into: Handle<std::fs::File> },
//! }
//!
//! fn serve(mut jobs: Connection<u64, Job>) -> std::io::Result<()> {
//!     while let Ok(Job::Double(number)) = jobs.recv() {
//!         jobs.send(&(2 * number))?;
//!     }
//!     Ok(())
//! }
//!
//! let (mut jobs, there) = duplex()?;
//! # // A thread here; with `procspawn-core` it would be a process that gets `there` as an argument.
//! let worker = std::thread::spawn(|| serve(there));
//! jobs.send(&Job::Double(21))?;
//! assert_eq!(jobs.recv_timeout(Duration::from_secs(5))?, 42);
//! # drop(jobs);
//! # worker.join().unwrap()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What there is
//!
//! - [`pipe`] and [`duplex`] connect processes that have a common ancestor; [`Listener`] and [`connect`]
//!   connect strangers, over unix sockets or networks, with an [`AuthKey`] if wanted; the module
//!   `python` speaks with CPython's `multiprocessing.connection`.
//! - [`Sender`], [`Receiver`] and [`Connection`] (both) move values of any serde type, or bytes. Every
//!   call has forms that give up: `try_`, `_timeout` and `_deadline`, with one deadline for the
//!   whole message.
//! - Values may hold descriptors ([`Handle`]), ends of connections, and plain numbers in bulk
//!   ([`Bulk`]).
//! - [`wait`] waits for many of these at once, and for anything else that has a descriptor.
//! - The [`reactor`] wakes a future when one of these is ready, without a runtime.
//! - [`Packets`] keep messages whole even if several writers share a socket and any of them is killed.
//!
//! # When the other process dies
//!
//! The kernel closes what a dead process held, so nobody waits for it. Its messages stay readable:
//!
//! | the writer dies | the receiver gets |
//! |---|---|
//! | before it calls `send` | every message before, then [`RecvError::Disconnected`] |
//! | while it encodes | the same: nothing has been sent yet |
//! | in `send`, with no byte written | the same |
//! | in `send`, with a part written | every message before, then [`RecvError::Truncated`], then `Disconnected` |
//! | in `send`, with a part written, while others hold the sending end | [`RecvError::TimedOut`] by the deadline; see below |
//! | after `send` | that message, too, then `Disconnected` |
//! | while its descriptors are on the way | as above; the kernel closes those that nobody takes |
//!
//! Up to 32 KiB are written to a unix socket as a whole or not at all, so that short messages are
//! never cut. If the *receiver* dies, sending ends in [`SendError::Disconnected`], without SIGPIPE, and
//! what it had not received is lost.
//!
//! A stream has one writer at a time. If several processes hold the same sending end and one is killed
//! within a long message, what the others send is taken for the rest of it; use a connection
//! for each, or [`Packets`].
//!
//! # What hostile bytes can do
//!
//! They end in an error. Memory is set aside for what has arrived (1 MiB ahead at most), whatever
//! length is announced; values may be nested 128 deep; and elements without bytes of their own are counted.
//! [`Receiver::set_max_message_len`] sets a limit that skips a message but keeps the connection. A message
//! that does not decode is an error for that message only; bytes that are no messages close the
//! receiver.
//!
//! # What this crate does not do
//!
//! It starts no process, and no thread but that of the [`reactor`], has no async runtime (but every end
//! has a descriptor to register with one), and does not check that both ends agree on a type: another type is a decode
//! error at best. Messages between different versions of a program are postcard's concern.
//!
//! Linux. The newest kernel feature in use is sealed memory files (3.17), for [`Bulk`] and [`Packets`].
#![deny(unsafe_code)]

mod address;
mod authkey;
mod bounded;
mod bulk;
mod cargo;
pub mod carry;
mod client;
mod connection;
#[cfg_attr(
    not(any(feature = "authkey", feature = "python")),
    allow(dead_code, reason = "there is no handshake to be had")
)]
mod conversation;
mod deadline;
mod doorway;
mod end;
mod error;
mod explain;
mod frame;
mod frozen;
pub mod handle;
mod incoming;
mod keyless;
mod listener;
mod message;
#[cfg(feature = "authkey")]
mod noise;
#[cfg_attr(
    not(any(feature = "authkey", feature = "python")),
    allow(dead_code, reason = "there is no handshake to be had")
)]
mod options;
mod packets;
mod peer;
mod pipe;
#[cfg(feature = "python")]
pub mod python;
pub mod reactor;
mod receiver;
#[cfg_attr(
    not(any(feature = "authkey", feature = "python")),
    allow(dead_code, reason = "there is no handshake to be had")
)]
mod reception;
#[cfg(feature = "authkey")]
mod sealed;
mod sender;
mod source;
mod stream;
mod sys;
mod transport;
mod values;
mod wait;

pub use address::{Address, AddressError};
pub use authkey::AuthKey;
pub use bulk::{BULK_THRESHOLD, Bulk, Bytes};
pub use client::{Client, ConnectOptions, connect};
pub use connection::Connection;
pub use error::{AcceptError, ConnectError, DecodeError, EncodeError, RecvError, SendError};
pub use handle::Handle;
pub use listener::{Listener, ListenerOptions};
pub use message::Message;
pub use packets::Packets;
pub use peer::Peer;
pub use pipe::{duplex, pipe};
pub use receiver::Receiver;
pub use sender::Sender;
pub use values::Values;
pub use wait::{wait, wait_deadline};
