//! Wakes futures when a process ends: one thread, started by the first that waits, with one epoll.

use std::collections::HashMap;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use crate::sys;

/// What one descriptor is watched for.
struct Watch {
    waker: Waker,
    /// A duplicate, so that the watch does not depend on when the owner closes its own.
    _descriptor: OwnedFd,
}

/// The epoll and who waits for it.
struct Reactor {
    epoll: OwnedFd,
    watches: Mutex<(u64, HashMap<u64, Watch>)>,
}

static REACTOR: Mutex<Option<Arc<Reactor>>> = Mutex::new(None);

/// Has `waker` called once `descriptor` is readable.
pub(crate) fn wake_when_ready(descriptor: BorrowedFd<'_>, waker: &Waker) -> io::Result<()> {
    reactor()?.watch(sys::duplicate(descriptor)?, waker)
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
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let reactor = Arc::new(Reactor { epoll, watches: Mutex::default() });
    let thread = reactor.clone();
    std::thread::Builder::new().name("multiproc-reactor".into()).spawn(move || thread.run())?;
    *running = Some(reactor.clone());
    Ok(reactor)
}

impl Reactor {
    fn watch(&self, descriptor: OwnedFd, waker: &Waker) -> io::Result<()> {
        let mut watches = lock(&self.watches);
        watches.0 += 1;
        let token = watches.0;
        let interest = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
        epoll::add(&self.epoll, &descriptor, epoll::EventData::new_u64(token), interest)?;
        watches.1.insert(token, Watch { waker: waker.clone(), _descriptor: descriptor });
        Ok(())
    }

    fn run(&self) {
        let mut events = Vec::with_capacity(64);
        loop {
            events.clear();
            // A wait that a signal interrupts has brought nothing; the next one will.
            let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), None);
            let ready: Vec<_> = {
                let mut watches = lock(&self.watches);
                events.iter().filter_map(|event| watches.1.remove(&event.data.u64())).collect()
            };
            ready.into_iter().for_each(|watch| watch.waker.wake());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No waker runs under the lock, so nothing is half done when one panics.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
