//! Waiting: for descriptors, up to a point in time.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::epoll;

/// Waits until `descriptor` is ready (or has ended); false when the deadline passes first.
pub(crate) fn wait(descriptor: BorrowedFd<'_>, deadline: Option<Instant>) -> io::Result<bool> {
    let ready = match deadline {
        None => ipc_pipe::wait(&[descriptor], None),
        Some(deadline) => ipc_pipe::wait_deadline(&[descriptor], deadline),
    };
    Ok(!ready?.is_empty())
}

/// A set of watched descriptors.
pub(crate) fn epoll() -> io::Result<OwnedFd> {
    Ok(epoll::create(epoll::CreateFlags::CLOEXEC)?)
}

/// Watches `descriptor` until it has been readable once.
pub(crate) fn watch_once(set: &OwnedFd, descriptor: &OwnedFd, token: u64) -> io::Result<()> {
    let interest = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
    Ok(epoll::add(set, descriptor, epoll::EventData::new_u64(token), interest)?)
}

/// Ends the watch of `descriptor`, which is still open.
pub(crate) fn unwatch(set: &OwnedFd, descriptor: &OwnedFd) {
    // One that is not in the set (it could not be added) need not be taken out.
    let _ = epoll::delete(set, descriptor);
}

/// Waits for watched descriptors that are ready, and puts their tokens into `tokens`.
pub(crate) fn wait_watched(set: &OwnedFd, tokens: &mut Vec<u64>) {
    let mut events = Vec::with_capacity(64);
    // A wait that a signal interrupts has brought nothing; the next one will.
    let _ = epoll::wait(set, rustix::buffer::spare_capacity(&mut events), None);
    tokens.clear();
    tokens.extend(events.iter().map(|event: &epoll::Event| event.data.u64()));
}

/// The point in time after `timeout`; `None` (never) for one that is too far away.
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
