//! Queues between processes: many producers, many consumers, nothing lost when one of them dies.
#![deny(unsafe_code)]

mod beside;
mod control;
#[cfg(all(test, not(loom)))]
mod corruption;
mod debts;
mod end;
mod error;
mod forms;
mod gate;
mod getting;
mod item_ref;
mod items;
mod joinable;
mod leased;
mod looking;
mod mark;
mod memory;
mod operations;
mod out;
mod pace;
mod parcel;
mod patience;
mod platform;
mod priority;
mod putting;
mod queue;
mod ready;
mod receiver;
mod record;
mod reservation;
mod ring;
mod scratch;
mod sender;
mod shape;
mod simple;
#[cfg(feature = "stream")]
mod sink;
#[cfg(feature = "stream")]
mod stream;
mod sys;
mod takes;
mod taking;
mod transfer;
mod vault;
mod wait;
mod waiting;

pub use error::{GetError, GetManyError, PutError, PutErrorKind};
pub use item_ref::ItemRef;
pub use items::Items;
pub use joinable::{JoinError, JoinableQueue, TooManyTasksDone};
pub use leased::Leased;
pub use priority::PriorityQueue;
pub use queue::Queue;
pub use receiver::Receiver;
pub use reservation::Reservation;
pub use sender::Sender;
pub use simple::SimpleQueue;
#[cfg(feature = "stream")]
pub use sink::PutSink;
#[cfg(feature = "stream")]
pub use stream::GetStream;
pub use wait::{Source, wait, wait_deadline};
