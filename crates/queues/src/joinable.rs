//! A queue whose producers can wait until everything is done.
//!
//! What is not done is never counted as such, but added up: what lies in the ring, what is leased, and
//! what each thread that took items owes. So it cannot drift, and whoever dies owes what it took.

use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sync_primitives::Watch;

use crate::control::SHUT_DOWN;
use crate::debts;
use crate::end::End;
use crate::error::GetError;
use crate::gate::LOOK;
use crate::patience::Patience;
use crate::queue::Queue;
use crate::shape::Shape;
use crate::takes::{OWED, Take};

/// A [`Queue`] that knows which of its items are done.
///
/// Who takes an item calls [`task_done`](JoinableQueue::task_done) when it has done what the item asks
/// for, or takes it by [`get_leased`](Queue::get_leased) and acknowledges it;
/// [`join`](JoinableQueue::join) waits until that has happened for all that have been put.
///
/// # When a process dies
///
/// A consumer that dies with items that are not done is reported to `join`, which never waits for
/// it. The items are lost. With leases they are given to another consumer, and `join` waits for that
/// one. A thread that ends counts as a process that ends.
///
/// # Examples
///
/// ```
/// use queues::JoinableQueue;
///
/// let buns = JoinableQueue::bounded(10)?;
/// buns.put_many(["plain", "raisin"].map(String::from))?;
/// for _ in 0..2 {
///     println!("eating a {} bun", buns.get()?);
///     buns.task_done()?;
/// }
/// buns.join()?;
/// assert!(buns.task_done().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct JoinableQueue<T>(pub(crate) Queue<T>);

/// `task_done` was called more often than items have been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyTasksDone;

/// The items are not all done.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// A consumer died with items that were not done and that nobody else will do. It is reported
    /// once, to one who joins; the next `join` waits for the others. If a hundred have died, one
    /// report may stand for several.
    ConsumerDied {
        /// The process that died, or that a thread ended in.
        pid: u32,
        /// How many items it had taken that were not done.
        items: u32,
    },
    /// The items were not all done in time.
    TimedOut,
    /// The queue is out of order.
    Queue(GetError),
}

impl<T> JoinableQueue<T> {
    /// As [`Queue::bounded`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn bounded(items: usize) -> io::Result<JoinableQueue<T>> {
        JoinableQueue::with_shape(Shape::of_items(items)?)
    }

    /// As [`Queue::bounded_bytes`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn bounded_bytes(bytes: usize) -> io::Result<JoinableQueue<T>> {
        JoinableQueue::with_shape(Shape::of_bytes(bytes)?)
    }

    /// As [`Queue::unbounded`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn unbounded() -> io::Result<JoinableQueue<T>> {
        JoinableQueue::with_shape(Shape::of_no_bound())
    }

    fn with_shape(shape: Shape) -> io::Result<JoinableQueue<T>> {
        Queue::with_shape(Shape { counts_tasks: 1, ..shape }).map(JoinableQueue)
    }

    /// Says that an item is done: one that this thread has taken, or else one that another has.
    ///
    /// # Errors
    ///
    /// If no item that was taken is left to be done.
    pub fn task_done(&self) -> Result<(), TooManyTasksDone> {
        if self.receiving().pay_one() { Ok(()) } else { Err(TooManyTasksDone) }
    }

    /// Waits until all items that have been put are done.
    ///
    /// # Errors
    ///
    /// [`JoinError::ConsumerDied`] if some never will be.
    pub fn join(&self) -> Result<(), JoinError> {
        self.receiving().join(Patience::Endless)
    }

    /// As [`join`](JoinableQueue::join), without waiting.
    ///
    /// # Errors
    ///
    /// [`JoinError::TimedOut`] if some are not done; else as `join`.
    pub fn try_join(&self) -> Result<(), JoinError> {
        self.receiving().join(Patience::None)
    }

    /// As [`join`](JoinableQueue::join), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`JoinError::TimedOut`] if some are not done in time; else as `join`.
    pub fn join_timeout(&self, timeout: Duration) -> Result<(), JoinError> {
        self.receiving().join(Patience::after(timeout))
    }

    /// As [`join`](JoinableQueue::join), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](JoinableQueue::join_timeout).
    pub fn join_deadline(&self, deadline: Instant) -> Result<(), JoinError> {
        self.receiving().join(Patience::Until(deadline))
    }

    /// How many items are not done: queued, leased, or taken.
    pub fn unfinished(&self) -> usize {
        self.receiving().unfinished() as usize
    }
}

impl<T> Deref for JoinableQueue<T> {
    type Target = Queue<T>;

    fn deref(&self) -> &Queue<T> {
        &self.0
    }
}

impl<T> Clone for JoinableQueue<T> {
    fn clone(&self) -> Self {
        JoinableQueue(self.0.clone())
    }
}

impl<T> fmt::Debug for JoinableQueue<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("JoinableQueue");
        debug.field("len", &self.len()).field("unfinished", &self.unfinished()).finish()
    }
}

impl End {
    /// An item that was taken turned out to be none: nothing is owed for it.
    pub(crate) fn forgive_one(&self) {
        if self.shared.ring.shape().counts_tasks != 0 {
            self.pay_one();
        }
    }

    /// One item less that is owed: by this thread, or else by this process, or by any. False if
    /// there is none.
    fn pay_one(&self) -> bool {
        let takes = &self.control().takes;
        let own = takes.own_debt();
        let pid = std::process::id();
        let is_near = |take: &&Take| take.pid.load(Relaxed) == pid;
        let owed = || takes.active().map(|(_, take)| take).filter(|take| take.state() == OWED);
        let mut all = own.into_iter().chain(owed().filter(is_near)).chain(owed());
        let paid = all.any(Take::pay_one);
        if let Some(own) = own.filter(|own| own.debt() == 0) {
            own.free_own();
            debts::forget(&self.shared);
        }
        if paid {
            self.control().joined.wake(u32::MAX);
        }
        paid
    }

    fn join(&self, patience: Patience) -> Result<(), JoinError> {
        let gate = &*self.control().joined;
        loop {
            let announced = gate.announce();
            if self.is_all_done(patience)? {
                return Ok(());
            }
            if patience.is_over() {
                return Err(JoinError::TimedOut);
            }
            self.sleep_for_debtors(announced, patience);
        }
    }

    /// True if everything is done, an error if somebody has died who owed something.
    fn is_all_done(&self, patience: Patience) -> Result<bool, JoinError> {
        // The lock keeps items from being taken meanwhile, and puts right what the dead have left.
        let getting = self.begin_get(patience).map_err(JoinError::Queue)?;
        if self.control().fixed.closed() == SHUT_DOWN {
            getting.discard_returned().map_err(JoinError::Queue)?;
        }
        let died = self.report_death()?;
        let is_done = self.unfinished() == 0;
        drop(getting);
        match died {
            Some(error) => Err(error),
            None => Ok(is_done),
        }
    }

    /// A thread that died and owed items; they are written off.
    fn report_death(&self) -> Result<Option<JoinError>, JoinError> {
        let takes = &self.control().takes;
        for (index, take) in takes.active() {
            if take.state() != OWED || !take.is_abandoned() {
                continue;
            }
            let held = takes.try_hold(index).map_err(|error| JoinError::Queue(error.into()))?;
            let Some(held) = held else { continue };
            let (pid, items) = (take.pid.load(Relaxed), take.debt());
            held.free();
            if items > 0 {
                return Ok(Some(JoinError::ConsumerDied { pid, items }));
            }
        }
        Ok(None)
    }

    fn sleep_for_debtors(&self, announced: u32, patience: Patience) {
        let (gate, takes) = (&self.control().joined, &self.control().takes);
        let mut watches = vec![Watch::word(gate.word(), announced)];
        let debtors = takes.active().filter(|(_, take)| take.state() == OWED);
        watches.extend(debtors.map(|(_, take)| Watch::unlocked(take.holder())));
        // There are fewer places than one wait can name; it may end early in any case. Who finishes an
        // item of somebody else's, or a lease, and dies before it says so is noticed by looking.
        let _ = sync_primitives::wait_any(&watches, Some(patience.within(LOOK)));
    }
}

impl fmt::Display for TooManyTasksDone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("task_done was called more often than items have been taken")
    }
}

impl Error for TooManyTasksDone {}

impl fmt::Display for JoinError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::ConsumerDied { pid, items } => {
                write!(formatter, "process {pid} died with {items} items that were not done")
            }
            JoinError::TimedOut => formatter.write_str("not all items were done in time"),
            JoinError::Queue(error) => error.fmt(formatter),
        }
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JoinError::Queue(error) => Some(error),
            _ => None,
        }
    }
}
