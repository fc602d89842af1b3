//! A set of descriptors that one thread watches.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::epoll;

/// An empty set, closed on exec.
pub(crate) fn new() -> io::Result<OwnedFd> {
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
pub(crate) fn wait(set: &OwnedFd, tokens: &mut Vec<u64>) {
    let mut events = Vec::with_capacity(64);
    // A wait that a signal interrupts has brought nothing; the next one will.
    let _ = epoll::wait(set, rustix::buffer::spare_capacity(&mut events), None);
    tokens.clear();
    tokens.extend(events.iter().map(|event: &epoll::Event| event.data.u64()));
}
