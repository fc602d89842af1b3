//! Wakes futures when a process ends: one thread, started by the first that waits, with one epoll.

use std::collections::HashMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use rustix::process::Pid;

use crate::sys;

/// The epoll and who waits for it.
struct Reactor {
    epoll: OwnedFd,
    /// The process that has the thread. One that was forked beside it has the same epoll in its
    /// hands, and must not take out what the owner watches.
    owner: Pid,
    wakers: Mutex<HashMap<u64, Waker>>,
}

/// A descriptor that is watched until it has been ready once, or this is dropped.
pub(crate) struct Watch {
    reactor: Arc<Reactor>,
    token: u64,
    /// A duplicate, so that the watch does not depend on when the owner closes its own.
    descriptor: OwnedFd,
}

static REACTOR: Mutex<Option<Arc<Reactor>>> = Mutex::new(None);
static NEXT_TOKEN: AtomicU64 = AtomicU64::new(0);

impl Watch {
    /// Has `waker` called once `descriptor` is readable.
    pub(crate) fn new(descriptor: BorrowedFd<'_>, waker: &Waker) -> io::Result<Watch> {
        let reactor = reactor()?;
        // Relaxed: only the number counts.
        let token = NEXT_TOKEN.fetch_add(1, Ordering::Relaxed);
        let watch = Watch { reactor, token, descriptor: sys::duplicate(descriptor)? };
        watch.wake(waker);
        sys::watch_once(&watch.reactor.epoll, &watch.descriptor, token)?;
        Ok(watch)
    }

    /// Has `waker` called instead of the one before.
    pub(crate) fn wake(&self, waker: &Waker) {
        lock(&self.reactor.wakers).insert(self.token, waker.clone());
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.reactor.owner != sys::own_pid() {
            return;
        }
        sys::unwatch(&self.reactor.epoll, &self.descriptor);
        lock(&self.reactor.wakers).remove(&self.token);
    }
}

/// Holds the reactor still during a fork.
pub(crate) fn frozen() -> impl Sized {
    lock(&REACTOR)
}

/// In a forked child: the thread is not there.
pub(crate) fn forget_after_fork() {
    *lock(&REACTOR) = None;
}

/// The reactor of this process, started if need be.
fn reactor() -> io::Result<Arc<Reactor>> {
    let mut running = lock(&REACTOR);
    if let Some(reactor) = &*running {
        return Ok(reactor.clone());
    }
    let reactor =
        Arc::new(Reactor { epoll: sys::epoll()?, owner: sys::own_pid(), wakers: Mutex::default() });
    let thread = reactor.clone();
    std::thread::Builder::new().name("multiproc-reactor".into()).spawn(move || thread.run())?;
    *running = Some(reactor.clone());
    Ok(reactor)
}

impl Reactor {
    fn run(&self) {
        let mut tokens = Vec::new();
        loop {
            sys::wait_watched(&self.epoll, &mut tokens);
            let mut wakers = lock(&self.wakers);
            let ready: Vec<_> = tokens.iter().filter_map(|token| wakers.remove(token)).collect();
            drop(wakers);
            ready.into_iter().for_each(Waker::wake);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No waker runs under the lock, so nothing is half done when one panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
