//! Locks, semaphores, events and barriers in shared memory that survive the death of their holder.
#![deny(unsafe_code)]
#![cfg_attr(loom, allow(dead_code, reason = "the model stands in for the system"))]

#[cfg(not(loom))]
mod array;
mod barrier;
mod bounded;
#[cfg(not(loom))]
mod capabilities;
mod condvar;
mod deadline;
mod error;
mod event;
mod gathering;
#[cfg(not(loom))]
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
mod thread;
mod turnstile;
#[cfg(not(loom))]
mod value;
mod vigil;

#[cfg(not(loom))]
pub use array::{Array, ArrayGuard, ArrayResult, Element};
pub use barrier::{Barrier, BarrierWaitResult, BrokenBarrier, Party};
pub use bounded::{BoundedSemaphore, Permit};
#[cfg(not(loom))]
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
#[cfg(not(loom))]
pub use value::Value;
