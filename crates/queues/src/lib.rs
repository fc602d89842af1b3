//! Queues between processes: many producers, many consumers, nothing lost when one of them dies.
#![deny(unsafe_code)]
#![cfg_attr(loom, allow(dead_code, reason = "the models stand on the ring, not on the handles"))]

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
#[cfg(not(loom))]
mod memory;
#[cfg(loom)]
mod model;
mod operations;
mod out;
mod pace;
mod parcel;
mod patience;
mod platform;
mod priority;
mod putting;
mod queue;
mod receiver;
mod record;
mod reservation;
mod ring;
mod scratch;
mod sender;
mod shape;
mod simple;
mod sys;
mod takes;
mod taking;
mod transfer;
mod vault;
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
