//! Queues between processes: many producers, many consumers, nothing lost when one of them dies.
//!
//! ```
//! use procspawn_core::Process;
//! use queues::{Queue, Receiver};
//!
//! fn count(words: Receiver<String>) -> usize {
//!     words.iter().filter_map(Result::ok).map(|word| word.len()).sum()
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # procspawn_core::init();
//! let (sender, receiver) = Queue::bounded(100)?.split();
//! let counter = Process::new(count, (receiver,)).start()?;
//! for word in ["one", "two", "three"] {
//!     sender.put(word.to_string())?;
//! }
//! drop(sender); // The stream ends, and with it the loop of the other process.
//! assert_eq!(counter.join()?, 11);
//! # Ok(())
//! # }
//! ```
//!
//! # What there is
//!
//! | | |
//! |---|---|
//! | [`Queue`] | bounded by items or by bytes, or by nothing but memory |
//! | [`Sender`], [`Receiver`] | its halves: each side learns when the other is gone |
//! | [`SimpleQueue`] | without a bound, with few operations |
//! | [`JoinableQueue`] | knows what is done, and who died before it was |
//! | [`PriorityQueue`] | smallest number first, in their order within a priority |
//!
//! Each is a handle: clone it, send it to another process as an argument, over a connection or
//! through another queue. Items are any serde values, of no bytes or of gigabytes, with open files,
//! connections, functions or queues in them.
//!
//! | to | there is |
//! |---|---|
//! | put and take values | `put`, `get`, `put_many`, `get_many`, iteration |
//! | put and take bytes, in one copy each | `put_bytes`, `get_bytes_into` |
//! | write and read in place | [`reserve`](Sender::reserve), [`get_ref`](Receiver::get_ref) |
//! | lose no item with its consumer | [`get_leased`](Receiver::get_leased) |
//! | end it | drop the last [`Sender`]; `close`; `shutdown`, which throws away what is left |
//! | wait for several things | [`wait`], or poll the descriptor ([`AsFd`](std::os::fd::AsFd)) |
//!
//! The bare name of an operation waits as long as it takes, `try_` never waits, `_timeout` and
//! `_deadline` may give up. An item that could not be put comes back in the error.
//!
//! # What is promised
//!
//! * When `put` returns, the item is in shared memory (its descriptors in the kernel): it outlives
//!   the process that put it, which may exit at once. There is no thread that still has to send it.
//! * A process can be killed at any instruction. What it was putting is there as a whole or not at
//!   all; what it was taking is there or was taken. Nobody else waits for the dead, and no lock, no
//!   room and no memory is lost with it.
//! * `len`, `is_empty` and `is_full` are exact at the instant at which they look.
//! * Whoever waits is woken, also if the one who was to wake it is killed: within 50 ms, mostly at
//!   once.
//! * A process that is *stopped* (SIGSTOP, a debugger) in the middle of an operation holds up its own
//!   side, and forms that may give up do; the other side goes on.
//! * An item that cannot be decoded is an error for itself; the next one is not affected.
//! * A process that writes over the memory costs others errors, no crash.
//!
//! # How it works
//!
//! A queue is a memory file, sealed and mapped by everybody, in which records follow each other
//! round and round; a robust lock for producers and another for consumers, so that one of each never
//! wait for each other; and one store that commits each change. The modules' heads have the
//! protocols, with what is true if a process dies at each step: `ring` (records), `takes` (what is
//! out of the ring), `vault` (descriptors), `gate` (waiting). `cargo xtask kill queue` kills there
//! after each instruction, and `cargo xtask soak queue` at random for minutes.
//!
//! # What this crate does not do
//!
//! No order is promised between producers but that of their puts. Several consumers share the items;
//! nobody sees those of others. A lease is delivered at least once, not exactly once. A queue has no
//! name by which strangers find it: it is sent to them. Long items (16 MiB and more) and those with
//! descriptors count against the limit of open files of the user while they are queued.
//!
//! Linux, as `sync-primitives`. A handle takes five descriptors, a half four.
#![deny(unsafe_code)]
#![cfg_attr(loom, allow(dead_code, reason = "the models stand on the ring, not on the handles"))]

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
