//! Typed connections between processes that carry values and file descriptors, with deadlines on
//! everything.
#![deny(unsafe_code)]

mod bounded;
mod bulk;
mod cargo;
mod deadline;
mod error;
mod frozen;
pub mod handle;
mod message;
mod packets;
mod stream;
mod sys;

pub use bulk::{BULK_THRESHOLD, Bulk, Bytes};
pub use error::{DecodeError, EncodeError, RecvError, SendError};
pub use handle::Handle;
pub use message::Message;
pub use packets::Packets;
