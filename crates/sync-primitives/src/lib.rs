//! Locks, semaphores, events and barriers in shared memory that survive the death of their holder.
#![deny(unsafe_code)]

mod array;
mod barrier;
mod bounded;
mod capabilities;
mod condvar;
mod deadline;
mod error;
mod event;
mod gathering;
pub mod handles;
mod latch;
#[cfg(loom)]
mod model;
mod monitor;
mod mutex;
mod once;
mod platform;
mod reentrant;
mod robust;
mod robust_list;
mod rwlock;
mod semaphore;
mod sys;
#[cfg_attr(loom, allow(dead_code, reason = "the model has threads of its own"))]
mod thread;
mod turnstile;
mod value;
mod vigil;

pub use array::{Array, ArrayGuard, ArrayResult, Element};
pub use barrier::{Barrier, BarrierWaitResult, BrokenBarrier, Party};
pub use bounded::{BoundedSemaphore, Permit};
pub use capabilities::{Capabilities, capabilities};
pub use condvar::{Condvar, WaitResult, WaitTimeoutResult};
pub use error::{AcquireError, InvalidCount, LockError, NotHeld, TooManyReleases, Unsupported};
pub use event::Event;
pub use latch::Latch;
pub use monitor::Monitor;
pub use mutex::{LockResult, Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use reentrant::{ReentrantLockResult, ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{ReadGuard, ReadResult, RwLock, WriteGuard, WriteResult};
pub use semaphore::Semaphore;
pub use value::Value;
