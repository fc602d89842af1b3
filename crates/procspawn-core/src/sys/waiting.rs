//! Waiting: for descriptors, up to a point in time.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Waits until `descriptor` is ready (or has ended); false when the deadline passes first.
pub(crate) fn wait(descriptor: BorrowedFd<'_>, deadline: Option<Instant>) -> io::Result<bool> {
    let ready = match deadline {
        None => ipc_pipe::wait(&[descriptor], None),
        Some(deadline) => ipc_pipe::wait_deadline(&[descriptor], deadline),
    };
    Ok(!ready?.is_empty())
}

/// The point in time after `timeout`; `None` (never) for one that is too far away.
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}
