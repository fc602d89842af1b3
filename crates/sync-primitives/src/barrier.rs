//! A meeting point for a fixed number of parties, which breaks if one of them dies.

use std::array;
use std::fmt;
use std::marker::PhantomData;
use std::thread;
use std::time::{Duration, Instant};

use ipc_shm::{Layout, Shareable};

use crate::deadline::Deadline;
use crate::error::InvalidCount;
use crate::gathering::{Arrival, Gathering};
use crate::platform::{AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::robust::RobustWord;
use crate::sys::WORDS_PER_WAIT;
use crate::vigil::Bell;

/// Why a barrier let nobody through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokenBarrier {
    /// A party that had arrived, or had [entered](Barrier::enter), died or panicked.
    PartyDied,
    /// A party that had arrived did not want to wait any longer.
    TimedOut,
    /// Somebody called [`abort`](Barrier::abort).
    Aborted,
    /// Somebody called [`reset`](Barrier::reset) while parties waited.
    Reset,
    /// The action of the last arrival panicked.
    ActionPanicked,
    /// More threads are here than the barrier has places for, so this one could not arrive; the
    /// others are not concerned.
    Full,
    /// This thread cannot take part: it holds too many locks, or [`capabilities`] say why.
    ///
    /// [`capabilities`]: crate::capabilities()
    CannotArrive,
}

/// What a party gets when all have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    index: u32,
    parties: u32,
}

impl BarrierWaitResult {
    /// The place in the order of arrival, from 0 to one less than there are parties.
    pub fn index(self) -> u32 {
        self.index
    }

    /// True for exactly one party, the last to arrive, which has run the action.
    pub fn is_leader(self) -> bool {
        self.index + 1 == self.parties
    }
}

/// A meeting point for a number of parties: each waits until all have arrived, again and again.
///
/// `MOST` is how many places it has: twice the parties is always enough (a quick party arrives
/// anew while slow ones leave). 126 is the most.
///
/// Any thread may [`wait`](Barrier::wait). While it waits, its death breaks the barrier. The death
/// of one that has not arrived yet can be noticed only if it is known: a party that has
/// [entered](Barrier::enter) is, from then until it leaves.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | a thread that has neither arrived nor entered | nobody notices: wait with a timeout |
/// | a party that has entered | this round breaks for all: [`BrokenBarrier::PartyDied`] |
/// | a thread that waits | likewise |
/// | the last to arrive, before or in the action | likewise |
/// | the last to arrive, after the one store that ends the round | all are let through |
/// | a thread that leaves a completed round | nobody notices |
///
/// A broken barrier stays broken until [`reset`](Barrier::reset).
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
/// use sync_primitives::Barrier;
///
/// let barrier = Shared::new(Barrier::<8>::new(2)?)?;
/// let other = barrier.clone(); // In another process, say.
/// let other = std::thread::spawn(move || other.wait().map(|arrival| arrival.index()));
/// let mine = barrier.wait()?.index();
/// assert_eq!(mine + other.join().unwrap()?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct Barrier<const MOST: usize = 64> {
    lock: RobustWord,
    history: AtomicU64,
    state: AtomicU32,
    parties: AtomicU32,
    bell: Bell,
    _reserved: u32,
    places: [RobustWord; MOST],
}

// SAFETY: lock words and numbers, of which every value is valid.
#[allow(unsafe_code, reason = "vouches for the layout")]
unsafe impl<const MOST: usize> Shareable for Barrier<MOST> {
    const LAYOUT: Layout =
        Layout::new("sync_primitives::Barrier", size_of::<Self>(), align_of::<Self>());
}

impl<const MOST: usize> Barrier<MOST> {
    /// One wait names every place, the state and the bell.
    const FITS: () = assert!(MOST + 2 <= WORDS_PER_WAIT, "a barrier has 126 places at most");

    /// A barrier for so many parties.
    ///
    /// # Errors
    ///
    /// When `parties` is 0 or above `MOST`.
    pub fn new(parties: u32) -> Result<Barrier<MOST>, InvalidCount> {
        let () = Self::FITS;
        if parties == 0 || parties as usize > MOST {
            return Err(InvalidCount { count: parties.into(), least: 1, most: MOST as u64 });
        }
        Ok(Barrier {
            lock: RobustWord::new(),
            history: AtomicU64::new(0),
            state: AtomicU32::new(0),
            parties: AtomicU32::new(parties),
            bell: Bell::new(),
            _reserved: 0,
            places: array::from_fn(|_| RobustWord::new()),
        })
    }

    /// Arrives, and waits until all parties have.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`], for all who wait or come later, whatever broke it.
    pub fn wait(&self) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.arrive(None, Deadline::NEVER, || ())
    }

    /// Arrives if that completes the round: all others must be waiting.
    ///
    /// # Errors
    ///
    /// `None` if others are missing; nothing has happened then. Else as [`wait`](Barrier::wait).
    pub fn try_wait(&self) -> Result<Option<BarrierWaitResult>, BrokenBarrier> {
        if self.n_waiting() + 1 < self.parties() && !self.is_broken() {
            return Ok(None);
        }
        self.wait().map(Some)
    }

    /// As [`wait`](Barrier::wait), for `timeout` at most.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier::TimedOut`], for all parties; else as [`wait`](Barrier::wait).
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.arrive(None, Deadline::after(timeout), || ())
    }

    /// As [`wait`](Barrier::wait), until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Barrier::wait_timeout).
    pub fn wait_deadline(&self, deadline: Instant) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.arrive(None, Deadline::at(deadline), || ())
    }

    /// As [`wait`](Barrier::wait); the last to arrive runs its `action` before anybody is let go.
    ///
    /// # Errors
    ///
    /// As [`wait`](Barrier::wait).
    ///
    /// # Panics
    ///
    /// As `action` does, for the party that runs it; the barrier is broken for the others.
    pub fn wait_with(&self, action: impl FnOnce()) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.arrive(None, Deadline::NEVER, action)
    }

    /// Becomes a party that is known, so that its death breaks the barrier from now on.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier::Full`] or `CannotArrive`.
    pub fn enter(&self) -> Result<Party<'_, MOST>, BrokenBarrier> {
        let place = self.gathering().enter()?;
        Ok(Party { barrier: self, place, not_send: PhantomData })
    }

    /// Makes a broken barrier whole. Parties that wait get [`BrokenBarrier::Reset`].
    pub fn reset(&self) {
        self.gathering().reset();
    }

    /// Breaks the barrier for all, until [`reset`](Barrier::reset).
    pub fn abort(&self) {
        self.gathering().end_broken(BrokenBarrier::Aborted);
    }

    /// How many parties there are.
    pub fn parties(&self) -> u32 {
        self.parties.load(Relaxed)
    }

    /// How many wait at this instant; 0 while the barrier is broken.
    pub fn n_waiting(&self) -> u32 {
        self.gathering().waiting()
    }

    /// True if the barrier is broken at this instant.
    pub fn is_broken(&self) -> bool {
        self.gathering().broken().is_some()
    }

    fn arrive(
        &self,
        place: Option<usize>,
        deadline: Deadline,
        action: impl FnOnce(),
    ) -> Result<BarrierWaitResult, BrokenBarrier> {
        let Arrival { index } = self.gathering().arrive(place, deadline, action)?;
        Ok(BarrierWaitResult { index, parties: self.parties() })
    }

    /// The numbers are read from memory that others can write, so they are bounded.
    fn gathering(&self) -> Gathering<'_> {
        let parties = self.parties();
        Gathering {
            lock: &self.lock,
            history: &self.history,
            state: &self.state,
            bell: &self.bell,
            parties,
            places: &self.places[..(parties as usize).saturating_mul(2).min(MOST)],
        }
    }
}

impl<const MOST: usize> fmt::Debug for Barrier<MOST> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Barrier")
            .field("parties", &self.parties())
            .field("waiting", &self.n_waiting())
            .field("broken", &self.is_broken())
            .finish_non_exhaustive()
    }
}

/// A party that a [`Barrier`] knows; dropping it leaves.
///
/// If its thread dies, or drops it in a panic, the barrier breaks.
#[must_use = "the party leaves at once if it is dropped"]
pub struct Party<'a, const MOST: usize = 64> {
    barrier: &'a Barrier<MOST>,
    place: usize,
    not_send: PhantomData<*const ()>,
}

impl<const MOST: usize> Party<'_, MOST> {
    /// As [`Barrier::wait`].
    ///
    /// # Errors
    ///
    /// As [`Barrier::wait`].
    pub fn wait(&self) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.barrier.arrive(Some(self.place), Deadline::NEVER, || ())
    }

    /// As [`Barrier::wait_timeout`].
    ///
    /// # Errors
    ///
    /// As [`Barrier::wait_timeout`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.barrier.arrive(Some(self.place), Deadline::after(timeout), || ())
    }

    /// As [`Barrier::wait_deadline`].
    ///
    /// # Errors
    ///
    /// As [`Barrier::wait_timeout`].
    pub fn wait_deadline(&self, deadline: Instant) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.barrier.arrive(Some(self.place), Deadline::at(deadline), || ())
    }

    /// As [`Barrier::wait_with`].
    ///
    /// # Errors
    ///
    /// As [`Barrier::wait_with`].
    pub fn wait_with(&self, action: impl FnOnce()) -> Result<BarrierWaitResult, BrokenBarrier> {
        self.barrier.arrive(Some(self.place), Deadline::NEVER, action)
    }
}

impl<const MOST: usize> Drop for Party<'_, MOST> {
    fn drop(&mut self) {
        let gathering = self.barrier.gathering();
        let panicked = thread::panicking() && gathering.is_ours(self.place);
        gathering.leave(self.place);
        if panicked {
            gathering.end_broken(BrokenBarrier::PartyDied);
        }
    }
}

impl<const MOST: usize> fmt::Debug for Party<'_, MOST> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Party").field("place", &self.place).finish_non_exhaustive()
    }
}

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            BrokenBarrier::PartyDied => "the barrier is broken: a party died",
            BrokenBarrier::TimedOut => "the barrier is broken: a party did not wait any longer",
            BrokenBarrier::Aborted => "the barrier is broken: somebody called abort",
            BrokenBarrier::Reset => "the barrier was reset while parties waited",
            BrokenBarrier::ActionPanicked => "the barrier is broken: its action panicked",
            BrokenBarrier::Full => "the barrier has no place for one more thread",
            BrokenBarrier::CannotArrive => "this thread cannot take part in a barrier",
        })
    }
}

impl std::error::Error for BrokenBarrier {}
