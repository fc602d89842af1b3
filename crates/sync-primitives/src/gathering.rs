//! The state machine of [`Barrier`](crate::Barrier): rounds, places, and how a round ends.
//!
//! Each party has a place while it waits, or for as long as it has entered: a robust lock, so that
//! the kernel marks the place of a party that dies and wakes one who sleeps there. Everybody who
//! waits sleeps at all places, at the state and at the bell, and a place is always taken with the
//! mark that somebody may sleep there, so no death goes unnoticed.
//!
//! In a place's note stands whether its party has entered, and the round in which it has arrived.
//! All changes but one are made under one robust lock, and each is one store:
//!
//! | step | dies before it | dies after it |
//! |---|---|---|
//! | take a place | nothing has happened | the place is marked; it has arrived nowhere |
//! | note the arrival | it has not arrived | it has: the round breaks |
//! | (the last) store the next round into the state | the round breaks | all go through |
//! | store a cause into the state | the round goes on, until the next looks | it is broken |
//!
//! To break a round takes no lock, so that a party whose time is up does not wait for an action that
//! takes long, or for whoever is stopped in one. So the state changes by compare-exchange: a round
//! that was broken during the action is not whole for anybody.
//!
//! The number of arrivals is not kept but counted, so a killed holder of the lock leaves nothing to
//! repair. Who is killed between a store and the wake-up is on a vigil (see `vigil.rs`).
//!
//! The state is `round << 3 | cause`, where cause 0 means that the round is whole. How a round that
//! is over has ended is in the history, a bit for each of the last 64: set if it was reset.

use crate::barrier::BrokenBarrier;
use crate::deadline::Deadline;
use crate::platform::{self, AtomicU32, AtomicU64, Ordering, Thread};
use crate::robust::{
    CONSISTENT, Condition, OWNER, OWNER_DIED, Patience, Refused, RobustWord, WAITERS,
};
use crate::sys::{WORDS_PER_WAIT, Woken};
use crate::vigil::{Bell, Vigil};

use Ordering::{Acquire, Relaxed, Release};

/// In a place's note: the party has entered and not left.
const ENTERED: u32 = 1 << 31;

/// The bits of the state that hold the cause.
const CAUSE: u32 = 7;

/// One round on.
const ROUND: u32 = 8;

/// The causes that can stand in the state, from 1 on.
const CAUSES: [BrokenBarrier; 5] = [
    BrokenBarrier::PartyDied,
    BrokenBarrier::TimedOut,
    BrokenBarrier::Aborted,
    BrokenBarrier::Reset,
    BrokenBarrier::ActionPanicked,
];

/// That a round is over, and all were there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) index: u32,
}

/// The parts of a barrier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gathering<'a> {
    pub(crate) lock: &'a RobustWord,
    pub(crate) history: &'a AtomicU64,
    pub(crate) state: &'a AtomicU32,
    pub(crate) bell: &'a Bell,
    pub(crate) parties: u32,
    pub(crate) places: &'a [RobustWord],
}

/// The lock of a barrier, held.
struct Locked<'a>(&'a RobustWord);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

/// A place that is left when its thread goes, unless its party has entered.
struct Seat<'a> {
    gathering: Gathering<'a>,
    place: usize,
    stays: bool,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if !self.stays {
            self.gathering.leave(self.place);
        }
    }
}

impl<'a> Gathering<'a> {
    pub(crate) fn enter(self) -> Result<usize, BrokenBarrier> {
        let _locked = self.locked(Deadline::NEVER)?;
        // A place is taken over only after all have been told that its last party died in it.
        let _ = self.check();
        let place = self.take_place()?;
        self.places[place].note.store(ENTERED, Relaxed);
        Ok(place)
    }

    /// Gives a place back, without waking those who sleep there: nothing has happened to them.
    pub(crate) fn leave(self, place: usize) {
        let place = &self.places[place];
        if place.is_held() {
            place.note.store(0, Relaxed);
            place.unlock_quietly();
        }
    }

    pub(crate) fn is_ours(self, place: usize) -> bool {
        self.places[place].is_held()
    }

    pub(crate) fn arrive(
        self,
        entered: Option<usize>,
        deadline: Deadline,
        action: impl FnOnce(),
    ) -> Result<Arrival, BrokenBarrier> {
        let locked = self.locked(deadline)?;
        self.check()?;
        let place = entered.map_or_else(|| self.take_place(), Ok)?;
        let seat = Seat { gathering: self, place, stays: entered.is_some() };
        let state = self.whole()?;
        self.note_arrival(place, state);
        let index = self.arrivals(state).saturating_sub(1);
        if index + 1 >= self.parties {
            let ended = self.end_whole(state, action);
            drop(seat);
            drop(locked);
            return ended.map(|()| Arrival { index });
        }
        drop(locked);
        self.wait(state, deadline).map(|()| Arrival { index })
    }

    pub(crate) fn reset(self) {
        let Ok(_locked) = self.locked(Deadline::NEVER) else { return };
        self.bury_all();
        // Also if it was broken: those who have not seen that yet must not take it for whole.
        // It fails if somebody breaks it just now.
        while self.next_round(self.state.load(Relaxed), true).is_err() {}
    }

    /// Breaks the round, unless it is broken.
    pub(crate) fn end_broken(self, why: BrokenBarrier) {
        self.break_round(self.state.load(Relaxed), why);
    }

    pub(crate) fn waiting(self) -> u32 {
        let state = self.state.load(Relaxed);
        if state & CAUSE == 0 { self.arrivals(state) } else { 0 }
    }

    pub(crate) fn broken(self) -> Option<BrokenBarrier> {
        cause(self.state.load(Acquire))
    }

    /// Takes the lock; who cannot in time breaks the round, as if he had arrived and waited.
    fn locked(self, deadline: Deadline) -> Result<Locked<'a>, BrokenBarrier> {
        // A holder that died has left nothing to repair, whatever the condition says.
        match self.lock.lock(Patience::Until(deadline)) {
            Ok(_) => Ok(Locked(self.lock)),
            Err(Refused::TimedOut) => {
                self.end_broken(BrokenBarrier::TimedOut);
                Err(self.broken().unwrap_or(BrokenBarrier::TimedOut))
            }
            Err(_) => Err(BrokenBarrier::CannotArrive),
        }
    }

    /// Looks for the dead, under the lock, and gives the state if the round is whole.
    fn check(self) -> Result<u32, BrokenBarrier> {
        let state = self.state.load(Relaxed);
        if self.places.iter().any(|place| is_missed(place, state)) {
            self.break_round(state, BrokenBarrier::PartyDied);
        }
        self.whole()
    }

    /// The state, if the round is whole.
    fn whole(self) -> Result<u32, BrokenBarrier> {
        let state = self.state.load(Relaxed);
        cause(state).map_or(Ok(state), Err)
    }

    /// Forgets the parties that have died.
    fn bury_all(self) {
        for place in self.places.iter().filter(|place| is_dead(place)) {
            place.note.store(0, Relaxed);
        }
    }

    /// Takes a place that is free; under the lock.
    fn take_place(self) -> Result<usize, BrokenBarrier> {
        let taken = Thread::with(|thread| {
            if thread.is_full() {
                return Err(BrokenBarrier::CannotArrive);
            }
            let mut free = self.places.iter().enumerate();
            let found = free.find_map(|(at, place)| {
                place.note_namespace(thread);
                thread.begin(place.word());
                // The kernel is to wake somebody if we die.
                let taken = place.take(thread, WAITERS);
                thread.end();
                taken.map(|condition| (at, condition))
            });
            found.ok_or(BrokenBarrier::Full)
        });
        let (place, condition) = taken.unwrap_or(Err(BrokenBarrier::CannotArrive))?;
        if condition != Condition::Consistent {
            self.take_over(&self.places[place]);
        }
        self.places[place].note.store(0, Relaxed);
        Ok(place)
    }

    /// The last party of this place died. The kernel goes through its locks one by one, so the lock
    /// may have come to us before the place was marked, and the round does not know of it yet.
    #[cold]
    fn take_over(self, place: &RobustWord) {
        let state = self.state.load(Relaxed);
        if is_awaited(place, state) {
            self.break_round(state, BrokenBarrier::PartyDied);
        }
        place.set_state(CONSISTENT);
    }

    fn note_arrival(self, place: usize, state: u32) {
        let note = &self.places[place].note;
        let entered = note.load(Relaxed) & ENTERED;
        note.store(entered | arrived_in(state), Relaxed);
    }

    /// How many have arrived in this round and live.
    fn arrivals(self, state: u32) -> u32 {
        let here = |place: &&RobustWord| place.is_locked() && has_arrived(place, state);
        self.places.iter().filter(here).count() as u32
    }

    /// Runs the action and opens, unless the round has been broken by then; under the lock.
    fn end_whole(self, state: u32, action: impl FnOnce()) -> Result<(), BrokenBarrier> {
        let breaks = BreakOnPanic(self, state);
        action();
        std::mem::forget(breaks);
        self.next_round(state, false)
    }

    /// Ends the round, the one change that everybody waits for; under the lock.
    fn next_round(self, state: u32, reset: bool) -> Result<(), BrokenBarrier> {
        let bit = 1 << ((state / ROUND) % 64);
        let history = self.history.load(Relaxed);
        let history = if reset { history | bit } else { history & !bit };
        self.history.store(history, Relaxed);
        self.change(state, (state & !CAUSE).wrapping_add(ROUND))
            .map_err(|now| cause(now).unwrap_or(BrokenBarrier::Aborted))
    }

    /// Breaks the round that has this state, unless it is over or broken.
    fn break_round(self, state: u32, why: BrokenBarrier) {
        let number = CAUSES.iter().position(|cause| *cause == why).map_or(0, |at| at as u32 + 1);
        if state & CAUSE == 0 {
            // Somebody else may have been quicker.
            let _ = self.change(state, state | number);
        }
    }

    /// Changes the state and wakes all; if it is not `from`, gives what it is.
    fn change(self, from: u32, to: u32) -> Result<(), u32> {
        let _vigil = Vigil::begin(self.bell);
        // Release pairs with the acquire of those who see the round over.
        self.state.compare_exchange(from, to, Release, Relaxed)?;
        platform::wake(self.state, u32::MAX);
        Ok(())
    }

    /// Waits until the round that began as `state` is over, or broken.
    fn wait(self, state: u32, deadline: Deadline) -> Result<(), BrokenBarrier> {
        let mut spins = platform::SPINS;
        loop {
            let now = self.state.load(Acquire); // Pairs with `change`.
            if now != state {
                return self.outcome(state, now);
            }
            if spins > 0 {
                spins -= 1;
                platform::spin_loop();
            } else if deadline.is_past() {
                self.break_round(state, BrokenBarrier::TimedOut);
            } else if self.places.iter().any(|place| is_missed(place, state)) {
                self.break_round(state, BrokenBarrier::PartyDied);
            } else {
                self.sleep(state, deadline);
            }
        }
    }

    fn outcome(self, state: u32, now: u32) -> Result<(), BrokenBarrier> {
        if now & !CAUSE == state & !CAUSE {
            return cause(now).map_or(Ok(()), Err);
        }
        let bit = 1 << ((state / ROUND) % 64);
        let reset = self.history.load(Relaxed) & bit != 0;
        if reset { Err(BrokenBarrier::Reset) } else { Ok(()) }
    }

    /// Sleeps until the state changes, a party dies, or it is time to look.
    fn sleep(self, state: u32, deadline: Deadline) {
        let vigil = Vigil::begin(self.bell);
        let mut words = [(self.state, state); WORDS_PER_WAIT];
        words[1] = self.bell.silent();
        for (word, place) in words[2..].iter_mut().zip(self.places) {
            *word = (place.word(), place.word().load(Relaxed));
        }
        // A party that died before its word was read is not waited for.
        if self.places.iter().any(|place| is_missed(place, state)) {
            return;
        }
        let count = self.places.len() + 2;
        match platform::wait_any(&words[..count], deadline.within(platform::SLICE)) {
            // The bell: somebody died between a change and the wake-up. Or a place: then the bell
            // may have rung for us as well, who were awake already, and for nobody else.
            Woken::At(1..) => drop(platform::wake(self.state, u32::MAX)),
            Woken::TimedOut => self.look_for_the_gone(&words[2..count]),
            Woken::At(0) | Woken::LookAgain => {}
        }
        drop(vigil);
    }

    fn look_for_the_gone(self, words: &[(&AtomicU32, u32)]) {
        // Without a list there is nobody to ask, and nobody could have arrived.
        let _ = Thread::with(|thread| {
            for (place, (_, word)) in self.places.iter().zip(words) {
                if word & OWNER != 0 {
                    place.bury(thread, *word);
                }
            }
        });
    }
}

/// Breaks the round if the action panics.
struct BreakOnPanic<'a>(Gathering<'a>, u32);

impl Drop for BreakOnPanic<'_> {
    fn drop(&mut self) {
        self.0.break_round(self.1, BrokenBarrier::ActionPanicked);
    }
}

fn cause(state: u32) -> Option<BrokenBarrier> {
    let number = (state & CAUSE) as usize;
    (number > 0).then(|| CAUSES.get(number - 1).copied().unwrap_or(BrokenBarrier::Aborted))
}

/// What a note says of an arrival in this round; never 0.
fn arrived_in(state: u32) -> u32 {
    (state / ROUND + 1) & !ENTERED
}

fn has_arrived(place: &RobustWord, state: u32) -> bool {
    place.note.load(Relaxed) & !ENTERED == arrived_in(state)
}

fn is_dead(place: &RobustWord) -> bool {
    place.word().load(Acquire) & (OWNER | OWNER_DIED) == OWNER_DIED
}

/// True if the round counts on the party that wrote the note.
fn is_awaited(place: &RobustWord, state: u32) -> bool {
    place.note.load(Relaxed) & ENTERED != 0 || has_arrived(place, state)
}

/// True if the party of this place died, and the round counts on it.
fn is_missed(place: &RobustWord, state: u32) -> bool {
    is_dead(place) && is_awaited(place, state)
}
