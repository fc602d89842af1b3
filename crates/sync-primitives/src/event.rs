//! A flag that threads of any processes can wait for.

use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::platform::{self, AtomicU32, Ordering};
use crate::vigil::{Bell, Vigil};

use Ordering::{Acquire, Relaxed, Release};

/// The flag is up.
const SET: u32 = 1;
/// Somebody may sleep; only while the flag is down.
const WAITERS: u32 = 2;
/// A watcher sleeps that may die with a ring of the bell, so who waits looks for himself as well;
/// only while the flag is down.
const WATCHED: u32 = 4;
/// What is counted up each time the flag goes up, so that no waiter misses a short one.
const GENERATION: u32 = 8;
/// All but the generation.
const MARKS: u32 = SET | WAITERS | WATCHED;

/// A flag: down at first, [`set`](Event::set) raises it and wakes everybody,
/// [`clear`](Event::clear) lowers it.
///
/// The whole state is one word: whether the flag is up, whether somebody may sleep, and how often
/// it has been raised. `set` never waits for anybody and may be called in a signal handler. A
/// waiter returns if the flag went up since it began to wait, even if it is down again by then.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | `set` before its one store | the flag is as it was |
/// | `set` after it | the flag is up, and every waiter wakes: the kernel wakes one, which wakes the others |
/// | `clear` | the flag is as it was, or down |
/// | a waiter | nobody notices |
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ipc_shm::Shared;
/// use sync_primitives::Event;
///
/// let ready = Shared::new(Event::new())?;
/// assert!(!ready.wait_timeout(Duration::from_millis(1)));
/// ready.set();
/// ready.wait();
/// assert!(ready.is_set());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
#[derive(Debug)]
pub struct Event {
    state: AtomicU32,
    bell: Bell,
}

// SAFETY: two atomic words, of which every value is valid.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl Shareable for Event {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Event", size_of::<Self>(), align_of::<Self>());
}

impl Event {
    /// An event that is not set.
    pub fn new() -> Event {
        Event { state: AtomicU32::new(0), bell: Bell::new() }
    }

    /// Raises the flag and wakes all who wait. A flag that is up stays up.
    ///
    /// Safe in a signal handler, once this thread has used any primitive, or the handler may
    /// make a few system calls more.
    pub fn set(&self) {
        let _vigil = Vigil::begin(&self.bell);
        let mut state = self.state.load(Relaxed);
        // Release pairs with the acquire loads of those who see the flag up; also if it was up
        // already, as they are to see what was written before this call, too.
        while let Err(now) =
            self.state.compare_exchange_weak(state, raised(state), Release, Relaxed)
        {
            state = now;
        }
        if state & WAITERS != 0 {
            platform::wake(&self.state, u32::MAX);
        }
    }

    /// Lowers the flag. Does nothing if it is down.
    pub fn clear(&self) {
        self.state.fetch_and(!SET, Relaxed);
    }

    /// True if the flag is up at this instant. Never waits.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.state.load(Acquire) & SET != 0
    }

    /// True if the flag is up at this instant: the form of [`wait`](Event::wait) that never waits.
    #[inline]
    pub fn try_wait(&self) -> bool {
        self.is_set()
    }

    /// Waits until the flag goes up.
    #[inline]
    pub fn wait(&self) {
        self.wait_within(Deadline::NEVER);
    }

    /// Waits until the flag goes up, for `timeout` at most; tells whether it did.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_within(Deadline::after(timeout))
    }

    /// Waits until the flag goes up, until `deadline` at most; tells whether it did.
    pub fn wait_deadline(&self, deadline: Instant) -> bool {
        self.wait_within(Deadline::at(deadline))
    }

    #[inline]
    fn wait_within(&self, deadline: Deadline) -> bool {
        self.is_set() || self.wait_slow(deadline)
    }

    #[cold]
    fn wait_slow(&self, deadline: Deadline) -> bool {
        let first = self.state.load(Acquire);
        let vigil = Vigil::begin(&self.bell);
        loop {
            let state = self.state.load(Acquire); // Pairs with `set`.
            if has_risen(first, state) {
                return true;
            }
            if deadline.is_past() {
                return false;
            }
            if self.announce(state, WAITERS) {
                let watched = state & WATCHED != 0;
                let until = if watched { deadline.within(platform::SLICE) } else { deadline };
                vigil.sleep(&self.state, state | WAITERS, until);
            }
        }
    }

    /// Has `set` wake us; false if the word has changed.
    fn announce(&self, state: u32, marks: u32) -> bool {
        let marked = state | marks;
        state == marked || self.state.compare_exchange(state, marked, Relaxed, Relaxed).is_ok()
    }

    /// The state, for a watcher to compare with later.
    pub(crate) fn moment(&self) -> u32 {
        self.state.load(Acquire)
    }

    /// True if the flag is up, or has been since that moment.
    pub(crate) fn has_risen_since(&self, moment: u32) -> bool {
        has_risen(moment, self.state.load(Acquire)) // Pairs with `set`.
    }

    /// For a watcher that has named the bell: the word at which `set` wakes it from now on, and what
    /// it holds. None if the flag has gone up since that moment, or the word has changed just now.
    pub(crate) fn announce_watcher(&self, moment: u32) -> Option<(&AtomicU32, u32)> {
        self.announce_since(moment, WAITERS)
    }

    /// The same for a watcher that has not: if it dies, it may take a ring of the bell along. So it
    /// has all who wait look for themselves now and then, until the next `set`.
    pub(crate) fn announce_unnamed_watcher(&self, moment: u32) -> Option<(&AtomicU32, u32)> {
        let known = self.state.load(Relaxed) & WATCHED != 0;
        let announced = self.announce_since(moment, WAITERS | WATCHED);
        if announced.is_some() && !known {
            self.wake_all();
        }
        announced
    }

    fn announce_since(&self, moment: u32, marks: u32) -> Option<(&AtomicU32, u32)> {
        let state = self.state.load(Acquire);
        let announced = !has_risen(moment, state) && self.announce(state, marks);
        announced.then_some((&self.state, state | marks))
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    /// Wakes all who sleep here, as who hears the bell has to.
    pub(crate) fn wake_all(&self) {
        platform::wake(&self.state, u32::MAX);
    }
}

/// True if the flag is up in `state`, or has been since it was in the state `first`.
fn has_risen(first: u32, state: u32) -> bool {
    state & SET != 0 || state & !MARKS != first & !MARKS
}

/// The word with the flag up and nobody asleep; one generation on, if it was down.
fn raised(state: u32) -> u32 {
    if state & SET != 0 {
        return state;
    }
    (state & !MARKS).wrapping_add(GENERATION) | SET
}

impl Default for Event {
    fn default() -> Self {
        Event::new()
    }
}
