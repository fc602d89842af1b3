//! How far a job is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the calls of a job; it is cheap to clone, and goes on counting.
///
/// # Examples
///
/// ```
/// use pool::{Executor, SerialPool};
///
/// let pool = SerialPool::new();
/// let squares = pool.map_async(|x: u32| x * x, 0..10);
/// let progress = squares.progress();
/// squares.get()?;
/// assert_eq!((progress.submitted(), progress.done(), progress.failed()), (10, 10, 0));
/// # Ok::<(), pool::TaskError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

// Relaxed throughout: each is a count for people, and says nothing of other memory.
#[derive(Debug, Default)]
struct Counts {
    submitted: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
}

impl Progress {
    /// How many calls have been handed to the executor.
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.0.submitted.load(Ordering::Relaxed)
    }

    /// How many of them have ended, in whatever way.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// How many of these have no value.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// How many have not ended.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.submitted().saturating_sub(self.done())
    }

    pub(crate) fn submit(&self, calls: u64) {
        self.0.submitted.fetch_add(calls, Ordering::Relaxed);
    }

    pub(crate) fn finish(&self, calls: u64, failed: u64) {
        self.0.done.fetch_add(calls, Ordering::Relaxed);
        if failed > 0 {
            self.0.failed.fetch_add(failed, Ordering::Relaxed);
        }
    }
}
