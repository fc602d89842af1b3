//! The state machine of [`RwLock`](crate::RwLock): a gate, and a place for each reader.
//!
//! The gate is a robust lock that the writer holds; each place is a robust lock that a reader
//! holds. A reader takes a place, then looks at the gate: if that is open, it is in. A writer
//! closes the gate, then waits until each place is free. Both do a full fence between the two
//! steps, so that of a reader and a writer who come at the same time at least one sees the other.
//!
//! | dies | then |
//! |---|---|
//! | a reader, with a place | the kernel frees it, and wakes the writer that sleeps there |
//! | a reader, asleep at the gate, or woken there | another is woken: it has named the gate |
//! | a reader, woken at a place it wanted | likewise |
//! | a writer, at any step with the gate closed | the kernel marks the gate and wakes one who sleeps |
//!
//! One wake-up comes through the gate at a time, from who opens it or from the kernel. A writer
//! takes the gate and wakes the next when it leaves. A reader only looks, so it wakes all others
//! first.

use crate::deadline::Deadline;
use crate::platform::{self, Ordering, Spin, Thread};
use crate::robust::{Condition, OWNER, OWNER_DIED, Patience, Refused, RobustWord, WAITERS};
use std::array;

use Ordering::Acquire;

/// How many can read at a time. The model looks at each of them again and again, so it has few.
const PLACES: usize = if cfg!(loom) { 2 } else { 32 };

/// A lock in a cache line of its own, so that readers do not take it from each other.
#[repr(C, align(64))]
#[derive(Debug)]
struct Place(RobustWord);

#[repr(C)]
#[derive(Debug)]
pub(crate) struct Turnstile {
    gate: Place,
    places: [Place; PLACES],
}

impl Turnstile {
    pub(crate) fn new() -> Turnstile {
        let places = array::from_fn(|_| Place(RobustWord::new()));
        Turnstile { gate: Place(RobustWord::new()), places }
    }

    fn gate(&self) -> &RobustWord {
        &self.gate.0
    }

    /// Goes in to read; gives the place, and in what state the last writer has left.
    #[inline]
    pub(crate) fn enter(&self, patience: Patience) -> Result<(usize, Condition), Refused> {
        let at = Thread::with_known(|thread| Some(thread.spread_over(PLACES))).unwrap_or(0);
        if self.places[at].0.lock_at_once()
            && let Ok(entered) = self.look(at)
        {
            return Ok(entered);
        }
        self.enter_in_full(patience)
    }

    #[cold]
    fn enter_in_full(&self, patience: Patience) -> Result<(usize, Condition), Refused> {
        let entered = Thread::with(|thread| match self.try_enter(thread) {
            Err(Refused::WouldBlock) => self.enter_slow(thread, patience),
            result => result,
        });
        entered.map_err(Refused::Unsupported)?
    }

    /// Takes the first free place from this thread's own on, unless the gate is closed.
    fn try_enter(&self, thread: &Thread) -> Result<(usize, Condition), Refused> {
        let first = thread.spread_over(PLACES);
        for offset in 0..PLACES {
            let at = (first + offset) % PLACES;
            match self.places[at].0.lock(Patience::None) {
                Ok(_) => return self.look(at),
                Err(Refused::WouldBlock | Refused::Deadlock) => {}
                Err(refused) => return Err(refused),
            }
        }
        Err(Refused::WouldBlock)
    }

    /// Looks at the gate from a place; leaves it if the gate is closed.
    #[inline]
    fn look(&self, at: usize) -> Result<(usize, Condition), Refused> {
        // Pairs with the fence of `close`. The place was taken by a compare-exchange.
        platform::fence_after_exchange();
        // Acquire pairs with the release of the writer that has opened the gate.
        let gate = self.gate().word().load(Acquire);
        if gate & OWNER != 0 {
            self.places[at].0.unlock();
            return Err(Refused::WouldBlock);
        }
        let died = gate & OWNER_DIED != 0;
        Ok((at, if died { Condition::OwnerDied } else { self.gate().condition() }))
    }

    fn enter_slow(
        &self,
        thread: &Thread,
        patience: Patience,
    ) -> Result<(usize, Condition), Refused> {
        let Patience::Until(deadline) = patience else {
            return Err(self.hopeless(thread).unwrap_or(Refused::WouldBlock));
        };
        let mut spin = Spin::default();
        loop {
            let gate = self.gate().word().load(Acquire);
            if gate & OWNER == 0 {
                match self.try_enter(thread) {
                    Err(Refused::WouldBlock) if !deadline.is_past() => {}
                    Err(Refused::WouldBlock) => return Err(Refused::TimedOut),
                    result => return result,
                }
                self.wait_for_place(thread, deadline)?;
                continue;
            }
            if let Some(refused) = self.hopeless(thread) {
                return Err(refused);
            }
            if deadline.is_past() {
                return Err(Refused::TimedOut);
            }
            if gate & WAITERS == 0 && spin.once() {
                continue;
            }
            if self.gate().announce_waiter(gate) {
                self.wait_for_gate(thread, gate | WAITERS, deadline);
            }
        }
    }

    /// This thread writes: it would wait for itself.
    fn hopeless(&self, thread: &Thread) -> Option<Refused> {
        let gate = self.gate().word().load(Acquire);
        self.gate().is_taken_by(thread, gate).then_some(Refused::Deadlock)
    }

    /// Sleeps at the gate, and lets all others go on who sleep there once it is open.
    fn wait_for_gate(&self, thread: &Thread, gate: u32, deadline: Deadline) {
        let word = self.gate().word();
        thread.begin(word);
        if platform::wait(word, gate, deadline.within(platform::SLICE)) {
            if word.load(Acquire) & OWNER == 0 {
                platform::wake(word, u32::MAX);
            }
        } else {
            self.gate().bury(thread, gate);
        }
        thread.end();
    }

    /// All places are taken, if the gate is still open: waits for this thread's own to be free.
    fn wait_for_place(&self, thread: &Thread, deadline: Deadline) -> Result<(), Refused> {
        if self.places.iter().any(|place| place.0.word().load(Acquire) & OWNER == 0) {
            return Ok(());
        }
        let own = &self.places[thread.spread_over(PLACES)].0;
        if thread.holds(own) {
            // A place that this thread reads from itself; another may be free soon.
            platform::yield_now();
            return Ok(());
        }
        own.lock(Patience::Until(deadline))?;
        own.unlock();
        Ok(())
    }

    /// Leaves a place.
    #[inline]
    pub(crate) fn leave(&self, at: usize) {
        self.places[at].0.unlock();
    }

    /// Closes the gate to write, and waits until the last reader has left.
    #[inline]
    pub(crate) fn close(&self, patience: Patience) -> Result<Condition, Refused> {
        let condition = self.gate().lock(patience)?;
        // Pairs with the fence of `look`. The gate was closed by a compare-exchange.
        platform::fence_after_exchange();
        for place in &self.places {
            // Acquire pairs with the release of the reader that has left.
            if place.0.word().load(Acquire) & OWNER != 0
                && let Err(refused) = self.wait_for_reader(&place.0, patience)
            {
                self.open();
                return Err(refused);
            }
        }
        Ok(condition)
    }

    #[cold]
    fn wait_for_reader(&self, place: &RobustWord, patience: Patience) -> Result<(), Refused> {
        let waited = Thread::with(|thread| {
            let mut spin = Spin::default();
            loop {
                let word = place.word().load(Acquire);
                if word & OWNER == 0 {
                    return Ok(());
                }
                if place.is_taken_by(thread, word) {
                    return Err(Refused::Deadlock);
                }
                let Patience::Until(deadline) = patience else { return Err(Refused::WouldBlock) };
                if deadline.is_past() {
                    return Err(Refused::TimedOut);
                }
                if spin.once() {
                    continue;
                }
                if place.announce_waiter(word)
                    && !platform::wait(
                        place.word(),
                        word | WAITERS,
                        deadline.within(platform::SLICE),
                    )
                {
                    place.bury(thread, word | WAITERS);
                }
            }
        });
        waited.map_err(Refused::Unsupported)?
    }

    /// Opens the gate again.
    #[inline]
    pub(crate) fn open(&self) {
        self.gate().unlock();
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.gate().is_held()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.gate().is_locked()
    }

    pub(crate) fn readers(&self) -> usize {
        self.places.iter().filter(|place| place.0.is_locked()).count()
    }

    pub(crate) fn set_state(&self, state: u32) {
        self.gate().set_state(state);
    }

    pub(crate) fn condition(&self) -> Condition {
        self.gate().condition()
    }
}
