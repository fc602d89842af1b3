//! The primitives ready-made: each in shared memory of its own, as a handle that can be cloned and
//! sent, under the names that users of Python's `multiprocessing` know.
//!
//! A handle dereferences to its primitive, which has the operations and the documentation. With the
//! feature `transfer` handles can be arguments of processes, go over connections and be part of
//! other values. The memory goes when the last handle does, in whatever process.
//!
//! | in Python | here |
//! |---|---|
//! | `Lock()` | [`Lock`], owned by the thread that has it |
//! | `RLock()` | [`RLock`] |
//! | `with lock:` | `let guard = lock.lock()?;` |
//! | `lock.acquire()`, `lock.release()` | `MutexGuard::keep(lock.lock()?)`, `lock.release()?` |
//! | `acquire(block=False)`, `acquire(timeout=t)` | `try_lock()`, `lock_timeout(t)` |
//! | `Semaphore(n)` | [`Semaphore`]: what the dead have taken is gone, as there |
//! | `BoundedSemaphore(n)` | [`BoundedSemaphore`]: permits of the dead come back |
//! | `Condition()`, with its own lock | [`Condition`] |
//! | `Event()` | [`Event`] |
//! | `Barrier(n, action, timeout)` | [`Barrier`], `wait_with(action)`, `wait_timeout(t)` |
//!
//! # Examples
//!
//! ```
//! use procspawn_core::Process;
//! use sync_primitives::handles::{Event, Lock};
//!
//! fn greet(lock: Lock, greeted: Event) {
//!     let _guard = lock.lock().expect("its holder lives");
//!     println!("hello");
//!     greeted.set();
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # procspawn_core::init();
//! let (lock, greeted) = (Lock::new()?, Event::new()?);
//! let process = Process::new(greet, (lock.clone(), greeted.clone())).start()?;
//! greeted.wait();
//! process.join()?;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::io;
use std::ops::Deref;

use ipc_shm::Shared;

use crate::monitor::Monitor;
use crate::mutex::Mutex;
use crate::reentrant::ReentrantMutex;

/// How many places the ready-made semaphore and barrier have: as many as one wait can name.
const PERMITS: usize = 127;
const PLACES: usize = 126;

macro_rules! handle {
    ($(#[$doc:meta])* $name:ident: $inner:ty) => {
        $(#[$doc])*
        #[derive(Clone)]
        #[cfg_attr(feature = "transfer", derive(serde::Serialize, serde::Deserialize))]
        pub struct $name(Shared<$inner>);

        impl $name {
            /// A handle to a primitive that is in shared memory already, under a name for instance.
            pub fn from_shared(shared: Shared<$inner>) -> $name {
                $name(shared)
            }

            /// True if both are handles to one primitive.
            pub fn ptr_eq(&self, other: &$name) -> bool {
                self.0.ptr_eq(&other.0)
            }
        }

        impl Deref for $name {
            type Target = $inner;

            fn deref(&self) -> &$inner {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(formatter)
            }
        }
    };
}

macro_rules! without_arguments {
    ($($name:ident = $value:expr;)*) => {$(
        impl $name {
            /// Makes one in shared memory of its own.
            ///
            /// # Errors
            ///
            /// When there is no memory or no room for one more open file.
            pub fn new() -> io::Result<$name> {
                Ok($name(Shared::new($value)?))
            }
        }
    )*};
}

macro_rules! with_count {
    ($($name:ident = $make:path;)*) => {$(
        impl $name {
            /// Makes one in shared memory of its own.
            ///
            /// # Errors
            ///
            /// As its primitive's `new` for the count, and when there is no memory or no room for
            /// one more open file.
            pub fn new(count: u32) -> io::Result<$name> {
                Ok($name(Shared::new($make(count)?)?))
            }
        }
    )*};
}

handle! {
    /// A [`Mutex`] without data.
    Lock: Mutex<()>
}

handle! {
    /// A [`ReentrantMutex`] without data.
    RLock: ReentrantMutex<()>
}

handle! {
    /// A counting [`Semaphore`](crate::Semaphore).
    Semaphore: crate::Semaphore
}

handle! {
    /// A [`BoundedSemaphore`](crate::BoundedSemaphore) with up to 127 permits.
    BoundedSemaphore: crate::BoundedSemaphore<PERMITS>
}

handle! {
    /// An [`Event`](crate::Event).
    Event: crate::Event
}

handle! {
    /// A [`Barrier`](crate::Barrier) for up to 126 parties.
    Barrier: crate::Barrier<PLACES>
}

handle! {
    /// A [`Latch`](crate::Latch).
    Latch: crate::Latch
}

handle! {
    /// A [`Once`](crate::Once).
    Once: crate::Once
}

handle! {
    /// A [`Condvar`](crate::Condvar) with a [`Mutex`] of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use sync_primitives::handles::Condition;
    ///
    /// let condition = Condition::new()?;
    /// let guard = condition.lock()?;
    /// let (guard, waited) = condition.wait_timeout(guard, Duration::from_millis(1))?;
    /// assert!(waited.timed_out());
    /// condition.notify_all(); // With the lock or without.
    /// # drop(guard);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    Condition: Monitor
}

without_arguments! {
    Lock = Mutex::new(());
    RLock = ReentrantMutex::new(());
    Event = crate::Event::new();
    Once = crate::Once::new();
    Condition = Monitor::new();
}

with_count! {
    Semaphore = crate::Semaphore::new;
    BoundedSemaphore = crate::BoundedSemaphore::new;
    Barrier = crate::Barrier::new;
    Latch = crate::Latch::new;
}
