//! Pools of worker processes in which a crash costs one task.
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
