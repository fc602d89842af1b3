//! Wakes futures when a descriptor is readable: one thread, started by the first [`Watch`], with one
//! epoll.
//!
//! It belongs to no runtime, so that a future made of it runs under any. A runtime that watches
//! descriptors itself does without: every end of a connection has one.
//!
//! # Examples
//!
//! ```
//! use std::future::poll_fn;
//! use std::io;
//! use std::task::Poll;
//! use std::time::Duration;
//! use ipc_pipe::{Receiver, reactor::Watch, wait};
//!
//! /// Returns when a message has begun, or the sender has gone.
//! async fn readable<T>(receiver: &Receiver<T>) -> io::Result<()> {
//!     let mut watch = None;
//!     poll_fn(|context| {
//!         let watched = watch.as_ref().is_some_and(|watch: &Watch| watch.wake(context.waker()));
//!         if !watched {
//!             watch = Some(Watch::new(receiver, context.waker())?);
//!         }
//!         // It is asked only now: what comes later wakes the future.
//!         let ready = wait(&[receiver], Some(Duration::ZERO))?;
//!         if ready.is_empty() { Poll::Pending } else { Poll::Ready(Ok(())) }
//!     })
//!     .await
//! }
//! # use std::{pin::pin, sync::Arc, task::{Context, Wake, Waker}, thread::{self, Thread}};
//! # struct Unpark(Thread);
//! # impl Wake for Unpark {
//! #     fn wake(self: Arc<Self>) {
//! #         self.0.unpark();
//! #     }
//! # }
//! # let (mut receiver, mut sender) = ipc_pipe::pipe::<u32>()?;
//! # let sending = thread::spawn(move || sender.send(&7).map(|()| sender));
//! # let waker = Waker::from(Arc::new(Unpark(thread::current())));
//! # let mut future = Box::pin(readable(&receiver));
//! # while future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
//! #     thread::park();
//! # }
//! # drop(future);
//! # assert_eq!(receiver.recv()?, 7);
//! # drop(sending.join().unwrap()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use rustix::process::Pid;

use crate::sys::{self, epoll};

/// The epoll and who waits for it.
struct Reactor {
    epoll: OwnedFd,
    /// The process that has the thread. One that was forked beside it has the same epoll in its
    /// hands, and must not take out what the owner watches.
    owner: Pid,
    wakers: Mutex<HashMap<u64, Waker>>,
}

/// A descriptor that is watched until it has been readable once, or this is dropped.
///
/// In a forked child it watches nothing.
#[must_use = "nobody is woken if the watch is dropped"]
pub struct Watch {
    reactor: Arc<Reactor>,
    token: u64,
    /// A duplicate, so that the watch does not depend on when the owner closes its own.
    descriptor: OwnedFd,
}

static REACTOR: Mutex<Option<Arc<Reactor>>> = Mutex::new(None);
static NEXT_TOKEN: AtomicU64 = AtomicU64::new(0);

impl Watch {
    /// Has `waker` called once `descriptor` is readable, which it may be already. The end of a
    /// stream counts.
    ///
    /// The first watch of a process starts a thread. A process with threads cannot be forked safely.
    ///
    /// # Errors
    ///
    /// When there is no descriptor, memory or thread left, or `descriptor` is none that can be
    /// waited for, such as a file on disk.
    pub fn new(descriptor: impl AsFd, waker: &Waker) -> io::Result<Watch> {
        let reactor = reactor()?;
        // Relaxed: only the number counts.
        let token = NEXT_TOKEN.fetch_add(1, Ordering::Relaxed);
        let watch = Watch { reactor, token, descriptor: sys::duplicate(descriptor.as_fd())? };
        lock(&watch.reactor.wakers).insert(token, waker.clone());
        epoll::watch_once(&watch.reactor.epoll, &watch.descriptor, token)?;
        Ok(watch)
    }

    /// Has `waker` called instead of the one before; false if that has been called already, and a
    /// new watch is needed.
    #[must_use = "if it is false, nobody will be woken"]
    pub fn wake(&self, waker: &Waker) -> bool {
        // In a forked child somebody may hold the lock who is not there.
        if self.reactor.owner != sys::own_pid() {
            return false;
        }
        let mut wakers = lock(&self.reactor.wakers);
        let Some(before) = wakers.get_mut(&self.token) else { return false };
        let before = std::mem::replace(before, waker.clone());
        // What belongs to somebody else is dropped without the lock.
        drop(wakers);
        drop(before);
        true
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.reactor.owner != sys::own_pid() {
            return;
        }
        epoll::unwatch(&self.reactor.epoll, &self.descriptor);
        let waker = lock(&self.reactor.wakers).remove(&self.token);
        drop(waker);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("descriptor", &self.descriptor)
            .finish_non_exhaustive()
    }
}

/// Holds the reactor still during a fork; for who forks.
#[doc(hidden)]
pub fn frozen() -> impl Sized {
    lock(&REACTOR)
}

/// In a forked child: the thread is not there.
#[doc(hidden)]
pub fn forget_after_fork() {
    *lock(&REACTOR) = None;
}

/// The reactor of this process, started if need be.
fn reactor() -> io::Result<Arc<Reactor>> {
    let mut running = lock(&REACTOR);
    let owner = sys::own_pid();
    // Whoever forked us may not know of the one that we have inherited.
    if let Some(reactor) = running.as_ref().filter(|reactor| reactor.owner == owner) {
        return Ok(reactor.clone());
    }
    let reactor = Arc::new(Reactor { epoll: epoll::new()?, owner, wakers: Mutex::default() });
    let thread = reactor.clone();
    std::thread::Builder::new().name("multiproc-reactor".into()).spawn(move || thread.run())?;
    *running = Some(reactor.clone());
    Ok(reactor)
}

impl Reactor {
    fn run(&self) {
        let mut tokens = Vec::new();
        loop {
            epoll::wait(&self.epoll, &mut tokens);
            let mut wakers = lock(&self.wakers);
            let ready: Vec<_> = tokens.iter().filter_map(|token| wakers.remove(token)).collect();
            drop(wakers);
            ready.into_iter().for_each(wake);
        }
    }
}

/// The others are woken whatever becomes of this one; the hook has said that it panicked.
fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No waker runs under the lock, so nothing is half done when one panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
