//! Sleeping while a word in shared memory has a value, for protocols that this crate does not have.
//!
//! The word is never of one process only. Whoever changes it and dies before it wakes the sleepers
//! leaves them asleep, up to their deadline; an [`Event`](crate::Event) or a [`Mutex`](crate::Mutex)
//! does not.
//!
//! # Examples
//!
//! ```
//! use std::sync::atomic::{AtomicU32, Ordering};
//! use ipc_shm::Shared;
//! use sync_primitives::futex;
//!
//! let stage = Shared::new(AtomicU32::new(0))?;
//! let there = stage.clone(); // In another process, say.
//! let there = std::thread::spawn(move || {
//!     there.store(1, Ordering::Release);
//!     futex::wake_all(&there);
//! });
//! while stage.load(Ordering::Acquire) == 0 {
//!     futex::wait(&stage, 0, None);
//! }
//! # there.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::Instant;

use crate::deadline::Deadline;
use crate::platform::{self, AtomicU32};

/// Orders the exchange (`swap`, `compare_exchange`, `fetch_add`) before it against the loads after it:
/// what a waker needs between its change and the look whether anybody sleeps.
///
/// On x86-64 the exchange does so itself, and this costs nothing.
#[inline]
pub fn fence_after_exchange() {
    platform::fence_after_exchange();
}

/// Sleeps while `word` is `expected`; false when `deadline` has passed. May wake up early.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) -> bool {
    platform::wait(word, expected, deadline.map_or(Deadline::NEVER, Deadline::at))
}

/// Wakes up to `count` threads that sleep at `word`, in any process; tells how many.
pub fn wake(word: &AtomicU32, count: u32) -> usize {
    platform::wake(word, count)
}

/// Wakes all threads that sleep at `word`, in any process; tells how many.
pub fn wake_all(word: &AtomicU32) -> usize {
    platform::wake(word, u32::MAX)
}
