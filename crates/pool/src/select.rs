//! Waiting for one of many jobs, or for all of them.

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hooks::Bell;
use crate::{Data, Handle, MapHandle};

/// What [`wait`] waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// One of the jobs has ended.
    First,
    /// One has ended without a value, or all have ended.
    FirstError,
    /// All have ended.
    All,
}

/// A job that can be waited for together with others: a [`Handle`] or a [`MapHandle`].
pub trait Waitable: sealed::Sealed {}

mod sealed {
    use std::sync::Arc;

    use crate::hooks::Bell;

    /// Keeps [`Waitable`](super::Waitable) to the handles.
    pub trait Sealed {
        /// Whether the job has a value; `None` while it has not ended.
        fn outcome(&self) -> Option<bool>;

        /// Has `bell` rung with `number` at the end, or now if that has been.
        #[expect(private_interfaces, reason = "nobody else implements or calls it")]
        fn announce(&self, bell: &Arc<Bell>, number: usize);
    }
}

/// Waits for jobs, but not longer than `timeout`, and says which of them have ended: their places
/// in `handles`, in ascending order. The values stay with the handles.
///
/// A handle may occur several times, and counts as often.
///
/// # Examples
///
/// ```
/// use pool::{Executor, ThreadPool, Until};
///
/// let pool = ThreadPool::with_workers(2)?;
/// let one = pool.submit(|| 1, ());
/// let many = pool.map_async(|x: u32| x, 0..10);
/// assert_eq!(pool::wait(&[&one, &many], Until::All, None), [0, 1]);
/// assert_eq!(one.get()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait(handles: &[&dyn Waitable], until: Until, timeout: Option<Duration>) -> Vec<usize> {
    // A timeout beyond the end of the clock is no timeout.
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let bell = Arc::new(Bell::default());
    for (place, handle) in handles.iter().enumerate() {
        handle.announce(&bell, place);
    }
    let mut left = handles.len();
    while left > 0 {
        let ended = bell.wait(deadline);
        left -= ended.len();
        let failed = |place: &usize| handles[*place].outcome() == Some(false);
        let enough = match until {
            Until::First => true,
            Until::FirstError => ended.iter().any(failed),
            Until::All => false,
        };
        if enough || ended.is_empty() {
            break;
        }
    }
    (0..handles.len()).filter(|place| handles[*place].outcome().is_some()).collect()
}

/// Gives handles in the order in which their tasks end; first those that have ended before.
///
/// # Examples
///
/// ```
/// use pool::{Executor, ThreadPool, as_completed};
///
/// let pool = ThreadPool::with_workers(2)?;
/// let squares = (0..4).map(|n: u32| pool.submit(|n: u32| n * n, (n,)));
/// let mut sum = 0;
/// for square in as_completed(squares) {
///     sum += square.get()?;
/// }
/// assert_eq!(sum, 14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn as_completed<R: Data>(handles: impl IntoIterator<Item = Handle<R>>) -> AsCompleted<R> {
    let bell = Arc::new(Bell::default());
    let handles: Vec<_> = handles.into_iter().map(Some).collect();
    for (place, handle) in handles.iter().flatten().enumerate() {
        sealed::Sealed::announce(handle, &bell, place);
    }
    AsCompleted { left: handles.len(), handles, ended: VecDeque::new(), bell }
}

/// Handles whose tasks have ended: what [`as_completed`] gives.
///
/// `next` waits for the next one; it keeps nothing of those that it has given.
#[must_use = "it waits only as handles are taken"]
pub struct AsCompleted<R> {
    handles: Vec<Option<Handle<R>>>,
    ended: VecDeque<usize>,
    left: usize,
    bell: Arc<Bell>,
}

impl<R: Data> AsCompleted<R> {
    /// The next handle, unless it takes longer than `timeout`: then the inner `None`, and the
    /// iterator goes on. The outer `None` is the end.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Option<Handle<R>>> {
        // A timeout beyond the end of the clock is no timeout.
        self.next_until(Instant::now().checked_add(timeout))
    }

    fn next_until(&mut self, deadline: Option<Instant>) -> Option<Option<Handle<R>>> {
        if self.left == 0 {
            return None;
        }
        if self.ended.is_empty() {
            self.ended.extend(self.bell.wait(deadline));
        }
        let Some(place) = self.ended.pop_front() else { return Some(None) };
        self.left -= 1;
        Some(self.handles[place].take())
    }
}

impl<R: Data> Iterator for AsCompleted<R> {
    type Item = Handle<R>;

    fn next(&mut self) -> Option<Handle<R>> {
        self.next_until(None).flatten()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<R: Data> ExactSizeIterator for AsCompleted<R> {}

impl<R: Data> FusedIterator for AsCompleted<R> {}

impl<R> fmt::Debug for AsCompleted<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}

macro_rules! waitable {
    ($handle:ident) => {
        impl<R: Data> Waitable for $handle<R> {}

        impl<R: Data> sealed::Sealed for $handle<R> {
            fn outcome(&self) -> Option<bool> {
                self.successful()
            }

            #[expect(private_interfaces, reason = "nobody else implements or calls it")]
            fn announce(&self, bell: &Arc<Bell>, number: usize) {
                self.ring_at_end(bell, number);
            }
        }
    };
}

waitable!(Handle);
waitable!(MapHandle);
