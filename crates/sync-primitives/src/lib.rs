//! Locks, semaphores, events and barriers in shared memory that survive the death of their holder.
//!
//! ```
//! use ipc_shm::{Shareable, Shared};
//! use sync_primitives::{Event, LockError, Mutex};
//!
//! #[derive(Shareable)]
//! #[repr(C)]
//! struct Account {
//!     cents: Mutex<i64>,
//!     closed: Event,
//! }
//!
//! let account = Shared::new(Account { cents: Mutex::new(100), closed: Event::new() })?;
//! let there = account.clone(); // Send it to another process; it is a value like any other.
//! # let there = std::thread::spawn(move || {
//! *there.cents.lock().unwrap() -= 30;
//! there.closed.set();
//! # });
//! account.closed.wait();
//! let cents = match account.cents.lock() {
//!     Ok(cents) => *cents,
//!     Err(LockError::OwnerDied(cents)) => *cents, // It was killed in there: look twice.
//!     Err(error) => return Err(error.into()),
//! };
//! # drop(there.join());
//! # assert_eq!(cents, 70);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What there is
//!
//! | | | when a process dies that holds it, or waits |
//! |---|---|---|
//! | [`Mutex`] | one at a time | the next is told: [`LockError::OwnerDied`] |
//! | [`ReentrantMutex`] | one thread, several times | likewise |
//! | [`RwLock`] | many readers or one writer | a reader's share is free; a writer as above |
//! | [`BoundedSemaphore`] | so many at a time | its permits are free |
//! | [`Semaphore`] | a count, owned by nobody | what it had taken is gone |
//! | [`Condvar`] | wait until told, with a mutex let go | its notification goes to another |
//! | [`Event`] | wait for a flag | nobody notices |
//! | [`Barrier`] | wait for all parties | it breaks for all: [`BrokenBarrier::PartyDied`] |
//! | [`Latch`] | wait for so many arrivals | nobody notices |
//! | [`Once`] | do it once | the next does it, and is told |
//!
//! They are plain values: fields of a struct of your own that is [`Shareable`](ipc_shm::Shareable).
//! The module [`handles`] has each in memory of its own, ready to be sent, under the names that
//! Python's users know; [`Value`] and [`Array`] are data with a lock. All of them work between
//! threads just as well, on the stack or in an `Arc`.
//!
//! [`wait_any`] waits for several of them at once, for the end of somebody who holds a lock, and for
//! words of your own, which [`futex`] can sleep at.
//!
//! The bare name of an operation waits as long as it takes, `try_` never waits, `_timeout` and
//! `_deadline` may give up. Deadlines are points on the monotonic clock: a step of the wall clock
//! changes nothing. One that has passed already means: only if it is to be had at once.
//!
//! # Death, and what is not death
//!
//! * A process or a thread has died when the kernel has ended it: by a signal, `exit`, `exec`, or
//!   the return of its function. What it held is given back at that instant, by the kernel, to a
//!   waiter that it wakes.
//! * One that is *stopped* (SIGSTOP, a debugger) is not dead, and keeps what it holds. Who does not
//!   want to wait for it uses a timeout.
//! * A forked child holds nothing. The guards that it has copies of do nothing when dropped.
//! * The number of a dead process may be given to another: the kernel has marked the lock before
//!   that, so nobody takes one for the other.
//! * Processes in different pid namespaces may share a lock. If the kernel could not reach a lock's
//!   memory when its holder died (somebody had scribbled over its list, or unmapped a lock that
//!   was still held), waiters find out within a second by asking for the thread; across
//!   namespaces they cannot ask, and wait.
//! * A panic while a lock is held poisons it, as in std.
//!
//! # What a hostile or broken process can do
//!
//! Whoever can write the memory can break the promises of a lock, and the data behind it. Other
//! processes then get an error or wait, up to their deadline, but do not crash: no link is followed
//! and no index used that they have not checked or kept privately.
//!
//! # How it works
//!
//! A lock is one word in shared memory that holds the thread's number, and is entered into the
//! *robust list* that the C library keeps with the kernel for each thread: the free way in and the
//! free way out make no system call. Everything else is built so that one store decides, and so
//! that the kernel makes up for a wake-up that a dying process owed. The modules' own heads
//! (`robust`, `vigil`, `turnstile`, `gathering`) have the protocols, with what is true if a process
//! dies at each step; `cargo xtask kill` kills one there, after each instruction, and
//! `cargo xtask loom` explores what weaker memory orders allow. [`capabilities()`] tries out whether
//! this system does its part.
//!
//! # What this crate does not do
//!
//! Locks are not fair: a thread that comes by may take a lock before one that was woken for it. No
//! lock waits in an async task. A thread holds 64 locks and permits at most.
//!
//! Linux with glibc on 64 bits. `futex_waitv` (5.16) is used where there is one; before, those who
//! wait for an event and the like look again every 50 ms. The list needs `get_robust_list` (2.6.17)
//! and memory that forks wipe (4.14); where they are missing, as under emulators, locking is an
//! error that says so.
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
pub mod futex;
mod gathering;
#[cfg(not(loom))]
pub mod handles;
mod latch;
#[cfg(loom)]
#[doc(hidden)]
pub mod model;
mod monitor;
mod mutex;
mod once;
#[cfg(not(loom))]
mod origin;
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
mod watch;

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
#[cfg(not(loom))]
pub use origin::Origin;
pub use reentrant::{ReentrantLockResult, ReentrantMutex, ReentrantMutexGuard};
pub use rwlock::{ReadGuard, ReadResult, RwLock, WriteGuard, WriteResult};
pub use semaphore::Semaphore;
#[cfg(not(loom))]
pub use value::Value;
pub use watch::{Watch, wait_any};
