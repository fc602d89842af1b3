//! Typed connections between processes that carry values and file descriptors, with deadlines on
//! everything.
#![deny(unsafe_code)]

mod bounded;
mod bulk;
mod cargo;
mod connection;
mod deadline;
mod end;
mod error;
mod frame;
mod frozen;
pub mod handle;
mod incoming;
mod message;
mod packets;
mod pipe;
mod receiver;
mod sender;
mod stream;
mod sys;
mod transport;
mod wait;

pub use bulk::{BULK_THRESHOLD, Bulk, Bytes};
pub use connection::Connection;
pub use error::{DecodeError, EncodeError, RecvError, SendError};
pub use handle::Handle;
pub use message::Message;
pub use packets::Packets;
pub use pipe::{duplex, pipe};
pub use receiver::{Receiver, Values};
pub use sender::Sender;
pub use wait::{wait, wait_deadline};
