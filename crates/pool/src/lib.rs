//! Pools of worker processes in which a crash costs one task.
#![forbid(unsafe_code)]

mod batch;
mod call;
mod callbacks;
mod cell;
mod chunk;
mod context;
mod control;
mod data;
mod error;
mod executor;
mod feed;
mod handle;
mod hooks;
mod imap;
mod map_handle;
mod options;
mod progress;
mod record;
mod select;
mod serial;
mod sink;
mod thread;
mod work;

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
pub use progress::Progress;
pub use record::Run;
pub use select::{AsCompleted, Until, Waitable, as_completed, wait};
pub use serial::SerialPool;
pub use sink::{Outcomes, Sink};
pub use thread::{ThreadPool, ThreadPoolBuilder};
pub use work::Work;
