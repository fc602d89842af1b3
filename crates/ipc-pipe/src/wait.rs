//! Waiting for several things at once.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::deadline::Deadline;
use crate::sys;

/// Waits until at least one item is ready, and returns the indices of all that are, in order.
///
/// Items are anything with a descriptor: receivers and connections (ready when a message has
/// begun), listeners (when a client knocks), sentinels of processes (when the process is dead),
/// files of your own; mix them by `.as_fd()`. The end of a stream counts as ready, because
/// receiving then does not wait. An item may be given twice.
///
/// `None` waits as long as it takes; zero looks and returns. When the time is up, the result is
/// empty.
///
/// Only the kernel is asked: a message of which a [timed out](crate::RecvError::TimedOut) call has
/// taken a part is ready once more of it arrives.
///
/// # Errors
///
/// When an item's descriptor is not open, or there are more items than this process may have open
/// files.
///
/// # Examples
///
/// ```
/// use std::os::fd::AsFd;
/// use std::time::Duration;
/// use ipc_pipe::{pipe, wait};
///
/// let (numbers, mut to_numbers) = pipe::<u64>()?;
/// let (names, to_names) = pipe::<String>()?;
/// let both = [numbers.as_fd(), names.as_fd()];
/// assert!(wait(&both, Some(Duration::ZERO))?.is_empty());
///
/// to_numbers.send(&1)?;
/// assert_eq!(wait(&both, None)?, [0]);
/// drop(to_names);
/// assert_eq!(wait(&both, None)?, [0, 1]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait<F: AsFd>(items: &[F], timeout: Option<Duration>) -> io::Result<Vec<usize>> {
    wait_within(items, timeout.map_or(Deadline::NEVER, Deadline::after))
}

/// As [`wait`], up to `deadline`.
///
/// # Errors
///
/// As [`wait`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
///
/// let (receiver, _sender) = ipc_pipe::pipe::<u64>()?;
/// let deadline = Instant::now() + Duration::from_millis(10);
/// assert!(ipc_pipe::wait_deadline(&[receiver], deadline)?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_deadline<F: AsFd>(items: &[F], deadline: Instant) -> io::Result<Vec<usize>> {
    wait_within(items, Deadline::at(deadline))
}

fn wait_within<F: AsFd>(items: &[F], deadline: Deadline) -> io::Result<Vec<usize>> {
    let mut polled: Vec<PollFd<'_>> =
        items.iter().map(|item| PollFd::new(item, PollFlags::IN)).collect();
    sys::poll(&mut polled, deadline)?;
    if polled.iter().any(|item| item.revents().contains(PollFlags::NVAL)) {
        return Err(Errno::BADF.into());
    }
    let ready = polled.iter().enumerate().filter(|(_, item)| !item.revents().is_empty());
    Ok(ready.map(|(index, _)| index).collect())
}
