//! Who has which item out of the ring: a table with a robust lock for each place, so that the kernel
//! says when one of them has died.
//!
//! | state | lock | meaning |
//! |---|---|---|
//! | `FREE` | free | nobody uses the place |
//! | `BORROWED` | held | a consumer reads the item where it lies |
//! | `BORROWED` | free | the consumer died; the item died with it, and its room is free |
//! | `LEASED` | held | a consumer works on the item, and has not said that it is done |
//! | `LEASED` | free | the consumer died or gave the item back: it is the next to be taken |
//! | `OWED` | held | a thread has taken `count` items of a joinable queue that are not done |
//! | `OWED` | free | the thread died, and `count` items will not be done |
//! | any of them, `PENDING` | held | the consumer has not moved the head past the item yet |
//! | any of them, `PENDING` | free | it died before it said that it had: the head knows |
//!
//! A place is given out under the consumers' lock, and its fields are there before the head moves
//! past the item; so whoever sees the head there sees the place. `active` says which places are
//! worth a look. Its bits change under the consumers' lock: one is set before the head moves, and it
//! goes when a consumer comes by that finds the place free.

use ipc_shm::Shareable;
use sync_primitives::{LockError, Mutex, MutexGuard};

use crate::platform::{AtomicU32, AtomicU64, Ordering};

use Ordering::{AcqRel, Acquire, Relaxed, Release};

/// How many items can be out of the ring at one time.
pub(crate) const PLACES: usize = if cfg!(loom) { 2 } else { 120 };

const FREE: u32 = 0;
pub(crate) const BORROWED: u32 = 1;
pub(crate) const LEASED: u32 = 2;
pub(crate) const OWED: u32 = 3;
const PENDING: u32 = 1 << 31;

/// One place of the table.
#[derive(Debug, Shareable)]
#[repr(C, align(64))]
pub(crate) struct Take {
    holder: Mutex<()>,
    state: AtomicU32,
    /// Where the item lies.
    pub(crate) unit: AtomicU32,
    /// The tag of the item's descriptors; 0 if it has none.
    pub(crate) tag: AtomicU64,
    /// How often the item has been given out, or how many items are owed.
    pub(crate) count: AtomicU32,
    /// The process that owes them.
    pub(crate) pid: AtomicU32,
}

/// The table.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Takes {
    active: [AtomicU64; 2],
    places: [Take; PLACES],
}

/// A place that this thread holds, until this is dropped. (The lock's own guard is kept in it
/// invisibly: it has a flag, and moving that costs more than locking.)
#[derive(Debug)]
pub(crate) struct Held<'a> {
    takes: &'a Takes,
    index: usize,
}

impl Takes {
    pub(crate) fn new() -> Takes {
        Takes {
            active: [AtomicU64::new(0), AtomicU64::new(0)],
            places: std::array::from_fn(|_| Take::new()),
        }
    }

    /// True if something may be out of the ring; see [`tidy`](Takes::tidy).
    #[inline]
    pub(crate) fn is_any_active(&self) -> bool {
        // Acquire pairs with the release of `set_active`. What the place says is there for all who see
        // the head behind its item.
        self.active.iter().any(|bits| bits.load(Acquire) != 0)
    }

    /// True if an item is to be given out again.
    #[cold]
    pub(crate) fn is_any_returned(&self, head: u32) -> bool {
        self.active().any(|(_, take)| take.is_returned(head))
    }

    /// The places worth a look.
    pub(crate) fn active(&self) -> impl Iterator<Item = (usize, &Take)> {
        let bits = self.active.each_ref().map(|bits| u128::from(bits.load(Acquire))); // As above.
        let mut bits = (bits[1] << 64 | bits[0]) & ((1 << PLACES) - 1);
        std::iter::from_fn(move || {
            let index = bits.trailing_zeros() as usize;
            bits &= bits.wrapping_sub(1);
            self.places.get(index).map(|take| (index, take))
        })
    }

    /// Takes a free place, for the holder of the consumers' lock.
    ///
    /// # Errors
    ///
    /// [`LockError::TooManyHeld`] if this thread can hold no more locks, and
    /// [`LockError::WouldBlock`] if all places are in use.
    pub(crate) fn take_place(&self) -> Result<Held<'_>, LockError<()>> {
        for index in 0..PLACES {
            if let Some(held) = self.hold_if_unused(index)? {
                return Ok(held);
            }
        }
        self.merge_debts()?.ok_or(LockError::WouldBlock)
    }

    /// Adds what one dead thread owes to what another does, and gives the place of the first: the
    /// dead, who may be many, never use up the table.
    ///
    /// Dies in between: some items are reported twice, which is better than never.
    #[cold]
    fn merge_debts(&self) -> Result<Option<Held<'_>>, LockError<()>> {
        let mut dead = (0..PLACES).filter(|&index| self.places[index].is_dead_debt());
        let (Some(one), Some(other)) = (dead.next(), dead.next()) else { return Ok(None) };
        let (Some(kept), Some(freed)) = (self.try_hold(one)?, self.try_hold(other)?) else {
            return Ok(None);
        };
        let (kept, from) = (kept.take(), freed.take());
        let moved = from.debt();
        kept.count.fetch_add(moved, AcqRel);
        // Somebody may have paid meanwhile.
        let paid = moved.saturating_sub(from.count.swap(0, AcqRel));
        let less = |count: u32| Some(count.saturating_sub(paid));
        let _ = kept.count.fetch_update(AcqRel, Acquire, less);
        Ok(Some(freed))
    }

    /// Forgets the places that are free by now, for the holder of the consumers' lock; true if that
    /// are all.
    #[cold]
    pub(crate) fn tidy(&self) -> bool {
        for (index, take) in self.active() {
            if take.state.load(Acquire) == FREE || take.is_unused() {
                self.set_active(index, false);
            }
        }
        !self.is_any_active()
    }

    /// Only the holder of the consumers' lock writes here, so no exchange is needed.
    #[inline]
    fn set_active(&self, index: usize, active: bool) {
        let (bits, bit) = (&self.active[index / 64], 1 << (index % 64));
        let now = bits.load(Relaxed);
        let new = if active { now | bit } else { now & !bit };
        if new != now {
            bits.store(new, Release); // Pairs with `is_any_active` and `active`.
        }
    }

    #[inline]
    fn hold_if_unused(&self, index: usize) -> Result<Option<Held<'_>>, LockError<()>> {
        if self.places[index].is_unused() { self.try_hold(index) } else { Ok(None) }
    }

    /// Takes the lock of a place that nobody living holds.
    #[inline]
    pub(crate) fn try_hold(&self, index: usize) -> Result<Option<Held<'_>>, LockError<()>> {
        let held = Held { takes: self, index };
        match self.places[index].holder.try_lock() {
            Ok(guard) => {
                MutexGuard::keep(guard);
                Ok(Some(held))
            }
            Err(error) => held.or_without(error),
        }
    }

    /// The place by which this thread owes items, if it does.
    pub(crate) fn own_debt(&self) -> Option<&Take> {
        let owed = self.active().map(|(_, take)| take).filter(|take| take.state() == OWED);
        let mut own = owed.filter(|take| take.is_held_by_us());
        own.next()
    }

    /// How far back from `tail` the ring is in use by items that are out, if that is farther than
    /// `head`.
    ///
    /// A place that the dead left behind has an old unit until its next user writes another, so one
    /// that is more than a cycle back is no item's.
    pub(crate) fn oldest(&self, head: u32, tail: u32, cycle: u32) -> u32 {
        let pins = self.active().filter(|(_, take)| take.pins()).map(|(_, take)| {
            take.unit.load(Relaxed) // Ordered by `active`.
        });
        pins.filter(|unit| tail.wrapping_sub(*unit) <= cycle).fold(head, |oldest, unit| {
            if tail.wrapping_sub(unit) > tail.wrapping_sub(oldest) { unit } else { oldest }
        })
    }

    /// What a consumer that died within its operation has left, put right by the next one, before
    /// anything else. `head` is where it left the head.
    ///
    /// Dies in between: what has been put right stays so, and the next one goes on.
    pub(crate) fn repair(&self, head: u32) {
        for (_, take) in self.active() {
            let state = take.state.load(Acquire);
            let is_taken = take.is_behind(head);
            if take.state() == OWED {
                take.settle_count(is_taken);
            } else if state & PENDING != 0 {
                take.state.store(if is_taken { state & !PENDING } else { FREE }, Release);
            }
        }
    }
}

impl Take {
    fn new() -> Take {
        Take {
            holder: Mutex::new(()),
            state: AtomicU32::new(FREE),
            unit: AtomicU32::new(0),
            tag: AtomicU64::new(0),
            count: AtomicU32::new(0),
            pid: AtomicU32::new(0),
        }
    }

    /// What the place is used for, whether or not the head has moved past it.
    pub(crate) fn state(&self) -> u32 {
        self.state.load(Acquire) & !PENDING // Pairs with the releases of `Held`.
    }

    /// True if nobody living has the place.
    pub(crate) fn is_abandoned(&self) -> bool {
        !self.holder.is_locked()
    }

    /// The lock of the place, for those who wait for its holder's end.
    pub(crate) fn holder(&self) -> &Mutex<()> {
        &self.holder
    }

    /// True if the item is to be given out again. If a consumer died before it said that it had moved
    /// the head past the item, `head` tells whether it had.
    pub(crate) fn is_returned(&self, head: u32) -> bool {
        let state = self.state.load(Acquire);
        let is_taken = state & PENDING == 0 || self.is_behind(head);
        state & !PENDING == LEASED && is_taken && self.is_abandoned()
    }

    /// True if the head is past the item. It need not stand at an item that it is not past: a jump
    /// may come before.
    fn is_behind(&self, head: u32) -> bool {
        (self.unit.load(Relaxed).wrapping_sub(head) as i32) < 0 // Ordered by the state.
    }

    /// True if a living thread other than this one has the item and may return it.
    pub(crate) fn is_leased_by_other(&self) -> bool {
        self.state() == LEASED && !self.is_abandoned() && !self.is_held_by_us()
    }

    /// How many items are leased here, or have been and are to be given out again.
    pub(crate) fn leases(&self) -> u32 {
        u32::from(self.state() == LEASED)
    }

    /// How many items a thread owes that are not done.
    pub(crate) fn debt(&self) -> u32 {
        self.count.load(Acquire) & !PENDING
    }

    /// One item less to be done; false if there is none.
    pub(crate) fn pay_one(&self) -> bool {
        let less = |count: u32| {
            let done = count & !PENDING;
            let sure = if count & PENDING == 0 { done } else { done.saturating_sub(1) };
            (sure > 0).then(|| count - 1)
        };
        self.count.fetch_update(AcqRel, Acquire, less).is_ok()
    }

    /// Counts one more item that this thread owes, by its place. Unsure until [`be_sure`](Take::be_sure).
    pub(crate) fn owe_one(&self, unit: u32) {
        self.unit.store(unit, Relaxed);
        self.count.fetch_add(PENDING + 1, AcqRel);
    }

    /// The head has moved past the item that is owed.
    pub(crate) fn be_sure(&self) {
        self.count.fetch_sub(PENDING, AcqRel);
    }

    /// Gives back the place by which this thread owed items: with none it is nobody's.
    ///
    /// The lock may have been taken where the same queue is mapped at another address. Then it can be
    /// given back there only, and the place stays with this thread.
    pub(crate) fn free_own(&self) {
        let _ = self.holder.release();
    }

    /// A thread died that owed items.
    fn is_dead_debt(&self) -> bool {
        self.state() == OWED && self.is_abandoned()
    }

    /// Nobody uses it, or a consumer left it behind when it died: worth a try.
    fn is_unused(&self) -> bool {
        self.is_abandoned() && self.is_left_over()
    }

    fn is_left_over(&self) -> bool {
        match self.state() {
            FREE | BORROWED => true,
            OWED => self.debt() == 0,
            _ => false,
        }
    }

    /// True if this thread holds the place.
    pub(crate) fn is_held_by_us(&self) -> bool {
        self.holder.is_held()
    }

    /// The item's room cannot be used again.
    fn pins(&self) -> bool {
        match self.state() {
            LEASED => true,
            BORROWED => !self.is_abandoned(),
            _ => false,
        }
    }

    fn settle_count(&self, is_taken: bool) {
        let settle = |count: u32| {
            let unsure = count & PENDING != 0;
            let settled = (count & !PENDING).saturating_sub(u32::from(!is_taken));
            unsure.then_some(settled)
        };
        // A count that was sure stays as it is.
        let _ = self.count.fetch_update(AcqRel, Acquire, settle);
    }
}

impl<'a> Held<'a> {
    #[cold]
    fn or_without(
        self,
        error: LockError<MutexGuard<'a, ()>>,
    ) -> Result<Option<Held<'a>>, LockError<()>> {
        let refused = match error {
            LockError::OwnerDied(guard) | LockError::Poisoned(guard) => {
                MutexGuard::mark_consistent(&guard);
                MutexGuard::keep(guard);
                return Ok(Some(self));
            }
            LockError::TooManyHeld => LockError::TooManyHeld,
            LockError::Unsupported(why) => LockError::Unsupported(why),
            LockError::Corrupt => LockError::Corrupt,
            _ => LockError::WouldBlock,
        };
        // There is no lock to give back.
        std::mem::forget(self);
        if matches!(refused, LockError::WouldBlock) { Ok(None) } else { Err(refused) }
    }

    pub(crate) fn take(&self) -> &'a Take {
        &self.takes.places[self.index]
    }

    /// Enters an item that the head is about to move past.
    ///
    /// Dies before the state is written: the place is worth a look, and free.
    pub(crate) fn enter(&self, state: u32, unit: u32, tag: u64) {
        let take = self.take();
        self.takes.set_active(self.index, true);
        take.unit.store(unit, Relaxed);
        take.tag.store(tag, Relaxed);
        take.count.store(u32::from(state != OWED), Relaxed);
        if state == OWED {
            take.pid.store(std::process::id(), Relaxed);
        }
        take.state.store(state | PENDING, Release);
    }

    /// The head has moved past the item.
    pub(crate) fn confirm(&self) {
        let take = self.take();
        take.state.store(take.state(), Release);
    }

    /// Takes over an item that was returned: one more time that it is given out.
    pub(crate) fn take_over(&self) {
        self.take().count.fetch_add(1, Relaxed);
    }

    /// The item is done with; the place is free.
    pub(crate) fn free(self) {
        self.take().state.store(FREE, Release);
    }

    /// Keeps the place for this thread until [`free_own`](Take::free_own) or its end.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // In a forked child there is nothing to give back.
        let _ = self.take().holder.release();
    }
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Take>() == 64);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Has a thread enter an item, which the head does not pass in its life.
    fn die_with(takes: &Takes, state: u32, unit: u32) {
        let die = || {
            let held = takes.take_place().expect("a place is free");
            held.enter(state, unit, 0);
            held.keep();
        };
        std::thread::scope(|scope| scope.spawn(die).join().expect("it only ends"));
    }

    #[test]
    fn a_lease_behind_a_jump_is_not_taken_before_the_head_moves() {
        let takes = Takes::new();
        die_with(&takes, LEASED, 64);
        // The head stands at the jump that leads to the item.
        takes.repair(60);
        assert_eq!(takes.places[0].state(), FREE);
    }

    #[test]
    fn a_lease_whose_consumer_died_before_it_confirmed_is_returned_at_once() {
        let takes = Takes::new();
        die_with(&takes, LEASED, 64);
        assert!(!takes.places[0].is_returned(64));
        assert!(takes.places[0].is_returned(65));
        takes.repair(65);
        assert!(takes.places[0].is_returned(65));
    }

    #[test]
    fn what_a_dead_borrower_left_pins_nothing_rounds_later() {
        let takes = Takes::new();
        die_with(&takes, BORROWED, 5);
        takes.repair(6);
        // Somebody takes the place, and has not entered another item yet.
        let held = takes.try_hold(0).expect("a lock").expect("the holder is dead");
        assert_eq!(takes.oldest(7, 9, 256), 5);
        assert_eq!(takes.oldest(1000, 1002, 256), 1000);
        drop(held);
    }
}
