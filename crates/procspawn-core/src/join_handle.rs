//! A child together with the type of the value that it will give back.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ipc_pipe::reactor::Watch;
use serde::de::DeserializeOwned;

use crate::child::Child;
use crate::error::JoinError;
use crate::registry;

/// A process that will give back an `R`.
///
/// It dereferences to [`Child`], which knows the pid and the name, and can wait, signal and be
/// polled. It is a `Future` of the same result as [`join`](JoinHandle::join), for any runtime.
///
/// # Dropping
///
/// A dropped handle detaches: the process goes on, and its value is lost. It is still a child: it
/// is reaped by a later start or by [`active_children`](crate::active_children), and at this
/// process's orderly exit it is waited for or, if it is a daemon, stopped.
///
/// # Examples
///
/// ```
/// use procspawn_core::Process;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # procspawn_core::init();
/// let greet = |name: String| format!("hello {name}");
/// let process = Process::new(greet, ("bob".to_string(),)).start()?;
/// assert!(process.pid() != std::process::id());
/// assert_eq!(process.join()?, "hello bob");
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping the handle detaches the process and loses its value"]
pub struct JoinHandle<R> {
    child: Arc<Child>,
    joined: bool,
    /// Set while a future waits.
    watch: Option<Watch>,
    value: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> JoinHandle<R> {
    pub(crate) fn new(child: Arc<Child>) -> Self {
        JoinHandle { child, joined: false, watch: None, value: PhantomData }
    }

    /// Waits until the process has ended, and gives its value.
    ///
    /// # Errors
    ///
    /// When it ended without a value: it panicked, exited, was killed, or its value does not
    /// decode.
    pub fn join(mut self) -> Result<R, JoinError> {
        self.join_until(None).unwrap_or(Err(JoinError::Unknown))
    }

    /// As [`join`](JoinHandle::join), but gives up after `timeout`: `None` if it still runs then.
    ///
    /// The value is given once; afterwards this is [`JoinError::AlreadyJoined`].
    pub fn join_timeout(&mut self, timeout: Duration) -> Option<Result<R, JoinError>> {
        // A timeout beyond the end of the clock is no timeout.
        self.join_until(Instant::now().checked_add(timeout))
    }

    /// As [`join_timeout`](JoinHandle::join_timeout), up to a point in time.
    pub fn join_deadline(&mut self, deadline: Instant) -> Option<Result<R, JoinError>> {
        self.join_until(Some(deadline))
    }

    /// The result, if the process has ended; does not wait.
    pub fn try_join(&mut self) -> Option<Result<R, JoinError>> {
        self.join_until(Some(Instant::now()))
    }

    /// Lets the process go on by itself. The same as dropping the handle, said aloud.
    pub fn detach(self) {}

    fn join_until(&mut self, deadline: Option<Instant>) -> Option<Result<R, JoinError>> {
        if self.joined {
            return Some(Err(JoinError::AlreadyJoined));
        }
        if !self.child.is_ours() {
            return Some(Err(JoinError::NotParent));
        }
        let status = match deadline {
            None => self.child.wait(),
            Some(deadline) => self.child.wait_deadline(deadline)?,
        };
        self.joined = true;
        Some(match self.child.take_report() {
            Ok(Some(report)) => report.into_result(),
            Ok(None) => Err(status.into()),
            Err(error) => Err(JoinError::Unreadable(error)),
        })
    }
}

impl<R> JoinHandle<R> {
    /// The child, to be kept or shared apart from its value.
    pub fn child(&self) -> &Arc<Child> {
        &self.child
    }
}

impl<R> Deref for JoinHandle<R> {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

/// The sentinel.
impl<R> AsFd for JoinHandle<R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.child.sentinel()
    }
}

impl<R: DeserializeOwned> Future for JoinHandle<R> {
    type Output = Result<R, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.try_join() {
            return Poll::Ready(result);
        }
        let watched = self.watch.as_ref().is_some_and(|watch| watch.wake(context.waker()));
        if !watched {
            match Watch::new(self.child.sentinel(), context.waker()) {
                Ok(watch) => self.watch = Some(watch),
                // Without a descriptor or a thread to watch with, waiting here is what is left.
                Err(_) => {
                    self.child.wait();
                }
            }
        }
        // It may have ended before the watch was set.
        self.try_join().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<R> Drop for JoinHandle<R> {
    fn drop(&mut self) {
        if self.child.is_ours() && self.child.exit_status().is_none() {
            registry::detach(&self.child);
        }
    }
}

impl<R> fmt::Debug for JoinHandle<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.child.fmt(formatter)
    }
}
