//! Regions of shared memory, and typed values and arrays in them.
//!
//! ```
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use ipc_shm::{Shareable, Shared, SharedSlice};
//!
//! #[derive(Shareable)]
//! #[repr(C)]
//! struct Progress {
//!     done: AtomicUsize,
//!     total: usize,
//! }
//!
//! fn fill(part: SharedSlice<f64>, progress: Shared<Progress>) {
//!     let mut part = part.write().expect("nobody else has this part");
//!     part.iter_mut().for_each(|number| *number = 1.5);
//!     progress.done.fetch_add(part.len(), Ordering::Relaxed);
//! }
//!
//! let numbers = SharedSlice::<f64>::with_len(1_000_000)?;
//! let progress = Shared::new(Progress { done: AtomicUsize::new(0), total: numbers.len() })?;
//! # // Threads here; with `procspawn-core` they would be processes that get both as arguments.
//! # std::thread::scope(|scope| {
//! for part in numbers.split(4) {
//!     let progress = progress.clone();
//!     # scope.spawn(
//!     move || fill(part, progress) // In a process of its own.
//!     # );
//! }
//! # });
//! assert_eq!(progress.done.load(Ordering::Relaxed), progress.total);
//! assert_eq!(numbers.read()?[999_999], 1.5);
//! # Ok::<(), ipc_shm::ShmError>(())
//! ```
//!
//! # What there is
//!
//! | | holds | is reached by |
//! |---|---|---|
//! | [`Shared<T>`](Shared) | one `T` of atomics, locks and constants | a reference |
//! | [`SharedSlice<T>`](SharedSlice) | many `T` | slices, borrowed in parts; the kernel locks |
//! | [`RawValue<T>`](RawValue), [`RawArray<T>`](RawArray) | one, many | copies, without a lock |
//! | [`SharedBytes`] | bytes up to a capacity | copies, without a lock |
//! | [`ShareableList`] | mixed values up to a length each | copies, each under a short lock |
//! | [`Region`] | bytes | copies, or a raw pointer for what is built on top |
//!
//! What may be a `T` is said by [`Shareable`], which has a derive: no pointers, and no type for
//! which some bytes are invalid. A lock around a value is the business of `sync-primitives`.
//!
//! # How another process gets it
//!
//! Every one of them is a handle. With the feature `transfer` it is a serde value that travels by
//! `ipc-pipe`, as an argument, over a connection, within other values: its descriptor rides
//! beside the message. Strangers meet by a name (`create`, `open`) or by a file (`create_file`,
//! `open_file`). Whoever opens or receives one checks its header, and that the type is the same;
//! otherwise it gets a specific [`ShmError`].
//!
//! # When memory goes
//!
//! Memory without a name is freed by the kernel with the last handle of any process, however that
//! ends. A name goes with the last handle, too. If the last process that uses it is killed, the
//! name stays until the next named region of this user is created or opened, or until [`sweep`]. No
//! process that ends takes from others what they use. Files stay.
//!
//! # When memory is short
//!
//! All memory is set aside when a region is made, and that fails with [`ShmError::OutOfMemory`] if
//! there is not enough. There is no SIGBUS later: an anonymous region is sealed, so that nobody can
//! shorten it, and a receiver refuses one that is not. Names and files cannot be sealed; who
//! shortens such a file while others have it mapped, which nothing here does, has them killed.
//!
//! # When a process dies
//!
//! Its borrows are free at once, also after SIGKILL. What it was writing is there in part; each
//! type says what that means for it.
//!
//! # What this crate does not do
//!
//! It has no lock to wait at, no allocator in shared memory, and regions keep their length. It does
//! not keep a process of the same user from writing past all locks, by a raw pointer or into the
//! file. Lengths, tags and headers may then be anything and end in an error, and every bit pattern
//! is a valid value; but values change that others hold as borrowed.
//!
//! Linux, with `/proc` and, for names, `/dev/shm`. The newest kernel feature in use is memory files
//! (3.17); that nobody can execute them needs 6.3.
#![deny(unsafe_code)]

mod atomic;
mod attach;
mod borrow;
mod bytes;
mod copy;
mod descriptions;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod item;
mod layout;
mod list;
mod memory;
mod name;
mod options;
mod pages;
mod payload;
mod place;
mod raw_array;
mod raw_value;
mod region;
mod shareable;
mod shared;
mod slice;
mod slots;
mod sys;
#[cfg(feature = "transfer")]
mod transfer;
mod turn;
mod value;

pub use atomic::HasAtomic;
pub use borrow::{SliceMut, SliceRef};
pub use bytes::SharedBytes;
pub use copy::{copy_in, copy_out};
pub use error::ShmError;
pub use item::Item;
pub use layout::Layout;
pub use list::ShareableList;
pub use multiproc_macros::ShareableIpcShm as Shareable;
pub use name::sweep;
pub use options::{HugePages, RegionOptions};
pub use raw_array::RawArray;
pub use raw_value::RawValue;
pub use region::Region;
pub use shareable::Shareable;
pub use shared::Shared;
pub use slice::SharedSlice;
