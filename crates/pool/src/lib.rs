//! Pools of worker processes in which a crash costs one task.
//!
//! [`Pool`] runs calls in processes, [`ThreadPool`] in threads, [`SerialPool`] right here; what they
//! have in common is the trait [`Executor`].
//!
//! ```
//! use std::time::Duration;
//! use pool::{Executor, Pool, Retry};
//!
//! fn slow(n: u64) -> u64 {
//!     (1..=n).sum()
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # procspawn_core::init();
//! let pool = Pool::with_workers(2)?;
//! assert_eq!(pool.map(slow, [1, 2, 3])?, [1, 3, 6]);
//!
//! let call = pool.call(slow).timeout(Duration::from_secs(60)).retry(Retry::on_death(2));
//! let handle = call.submit((100,));
//! assert_eq!(handle.get()?, 5050);
//!
//! // The iterator is endless; values are computed as they are taken, a few ahead.
//! let first: Result<Vec<u64>, _> = pool.imap(slow, 0..).take(4).collect();
//! assert_eq!(first?, [0, 1, 3, 6]);
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of a call
//!
//! | it | its handle has |
//! |---|---|
//! | returns | the value |
//! | panics | [`TaskError::Panicked`] with message and place; its worker goes on |
//! | exits, aborts, is killed | [`TaskError::WorkerDied`] with pid, code or signal |
//! | takes too long | [`TaskError::TimedOut`]; its worker is killed |
//! | is cancelled | [`TaskError::Cancelled`]; a worker that is in it is killed |
//! | is still there when the pool is terminated or dropped | [`TaskError::Terminated`] |
//! | has arguments or a value that cannot cross | an error that says which, and why |
//!
//! Whatever it is, other calls have nothing to do with it: also not those of the same `map`, even
//! in the same chunk. Calls that a dead worker had not begun go to others. Only [`Retry`] has a
//! call begun twice.
//!
//! # Speed
//!
//! Tasks and values go through memory that a worker shares with the pool and with nobody else. No
//! lock is taken there and, while both are busy, no system call made. Calls that take less than
//! some microseconds are best given by [`map`](Executor::map), which puts many into one task.
#![forbid(unsafe_code)]

mod backlog;
#[cfg(feature = "indicatif")]
mod bar;
mod batch;
mod builder;
mod call;
mod callbacks;
mod callee;
mod cell;
mod chunk;
mod context;
mod control;
mod data;
mod dispatch;
mod error;
mod executor;
mod feed;
mod feeder;
mod functions;
mod handle;
mod harvest;
mod helper;
mod hire;
mod hired;
mod hooks;
mod imap;
mod inner;
#[cfg(feature = "interrupt")]
mod interrupt;
mod lane;
mod limits;
mod map_handle;
mod meter;
mod oom;
mod options;
mod parcel;
mod place;
mod pool;
mod prepare;
mod progress;
mod record;
mod records;
mod select;
mod serial;
mod sink;
mod state;
mod stats;
mod supervisor;
mod task;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod thread;
mod trace;
mod work;
mod worker;

#[cfg(feature = "indicatif")]
pub use bar::Bar;
pub use builder::PoolBuilder;
pub use call::Call;
pub use callbacks::Callbacks;
pub use context::{payload, should_stop, with_state, worker_id};
pub use control::{Control, Running, TaskState};
pub use data::Data;
pub use error::{PoolError, TaskError, WorkerDied};
pub use executor::Executor;
pub use handle::Handle;
pub use imap::{Imap, ImapUnordered};
pub use map_handle::MapHandle;
pub use options::{Options, Retry};
pub use pool::Pool;
pub use progress::Progress;
pub use record::Run;
pub use select::{AsCompleted, Until, Waitable, as_completed, wait};
pub use serial::SerialPool;
pub use sink::{Outcomes, Sink};
pub use stats::{LongTask, PoolStats, WorkerStats};
pub use thread::{ThreadPool, ThreadPoolBuilder};
pub use work::Work;
