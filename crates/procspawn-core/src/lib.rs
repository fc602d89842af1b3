//! Run a function in another process and get its value back: spawn, fork server and fork.
#![deny(unsafe_code)]

mod authkey;
mod bootstrap;
mod child;
mod cpus;
mod current;
mod entry;
mod error;
mod exec;
mod fork;
mod forkserver;
mod function;
mod job;
mod join_handle;
mod lifeline;
mod method;
mod module;
mod outcome;
mod panics;
mod process;
mod registered;
mod registry;
mod remote_fn;
mod run;
mod server;
mod signals;
mod spawn;
mod sys;

#[doc(hidden)]
pub use linkme;

pub use authkey::{authkey, set_authkey};
pub use bootstrap::{init, init_before_main};
pub use child::Child;
pub use cpus::cpu_count;
pub use current::{CurrentProcess, ParentProcess, current_process, parent_process};
pub use error::{JoinError, StartError};
pub use forkserver::{forkserver_pid, set_forkserver_preload};
pub use function::Function;
pub use join_handle::JoinHandle;
pub use method::{StartMethod, set_start_method};
pub use outcome::ExitStatus;
pub use panics::Panic;
pub use process::{Process, Run};
#[doc(hidden)]
pub use registered::{REGISTERED, Registered};
pub use registry::{active_children, set_exit_timeout};
pub use remote_fn::RemoteFn;
pub use run::catch_panic;
pub use signals::ignore_interrupts;
pub use spawn::set_executable;
