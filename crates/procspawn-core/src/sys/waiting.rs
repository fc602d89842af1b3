//! Waiting: for descriptors, up to a point in time.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, epoll};
use rustix::io::Errno;

/// Waits until one of `descriptors` is ready (or has ended), and says which are.
pub(crate) fn wait_any(
    descriptors: &[BorrowedFd<'_>],
    deadline: Option<Instant>,
) -> io::Result<Vec<bool>> {
    let mut polls: Vec<_> = descriptors.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    loop {
        match rustix::event::poll(&mut polls, remaining(deadline).as_ref()) {
            Err(Errno::INTR) => {}
            Ok(0) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
            Ok(_) => return Ok(polls.iter().map(|poll| !poll.revents().is_empty()).collect()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until `descriptor` is ready; false when the deadline passes first.
pub(crate) fn wait(descriptor: BorrowedFd<'_>, deadline: Option<Instant>) -> io::Result<bool> {
    Ok(wait_any(&[descriptor], deadline)?[0])
}

fn remaining(deadline: Option<Instant>) -> Option<Timespec> {
    let left = deadline?.saturating_duration_since(Instant::now());
    Some(Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }))
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
