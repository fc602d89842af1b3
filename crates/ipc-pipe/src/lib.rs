//! Typed connections between processes that carry values and file descriptors, with deadlines on
//! everything.
#![deny(unsafe_code)]

mod address;
mod authkey;
mod bounded;
mod bulk;
mod cargo;
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
pub use receiver::{Receiver, Values};
pub use sender::Sender;
pub use wait::{wait, wait_deadline};
