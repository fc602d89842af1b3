//! How items get out: what a receiving end does under the consumers' lock.

use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::Relaxed;

use sync_primitives::{LockError, MutexGuard};

use crate::control::{Consumers, Control, SHUT_DOWN};
use crate::debts;
use crate::end::End;
use crate::error::GetError;
use crate::patience::Patience;
use crate::putting::{TAG, sound};
use crate::record::{Kind, Record};
use crate::ring::{Front, Ring};
use crate::takes::{BORROWED, Held, LEASED, OWED, Take};

/// Longer items are copied after the lock has been given back.
const COPIED_UNDER_LOCK: u32 = 16 << 10;

/// The consumers' lock, and what to do with it.
#[derive(Debug)]
pub(crate) struct Getting<'a> {
    end: &'a End,
    consumers: MutexGuard<'a, Consumers>,
}

/// The item that is next.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// At the head of the ring.
    Front(Front),
    /// Somebody had it and did not say that it is done.
    Returned(Held<'a>),
}

impl Found<'_> {
    /// True if it is copied under the lock; others had better be taken
    /// [out](Getting::take_out) of the ring first.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        match self {
            Found::Front(Front { record, .. }) => {
                record.len() <= COPIED_UNDER_LOCK && !record.is(Kind::Elsewhere)
            }
            Found::Returned(_) => false,
        }
    }
}

/// An item that is out of the ring, and where it lies.
#[derive(Debug)]
pub(crate) struct Out<'a> {
    pub(crate) end: &'a End,
    pub(crate) held: Held<'a>,
    /// As it was when it was checked: the memory may say something else by now.
    pub(crate) unit: u32,
    pub(crate) record: Record,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl End {
    /// Takes the consumers' lock. What a dead or panicked holder left is put right.
    #[inline]
    pub(crate) fn begin_get(&self, patience: Patience) -> Result<Getting<'_>, GetError> {
        let consumers = match self.control().consumers.try_lock() {
            Ok(guard) => guard,
            Err(error) => self.begin_get_slowly(error, patience)?,
        };
        Ok(Getting { end: self, consumers })
    }

    /// The same if the lock is free and nobody has died with it.
    #[inline]
    pub(crate) fn begin_get_at_once(&self) -> Option<Getting<'_>> {
        let consumers = self.control().consumers.try_lock().ok()?;
        Some(Getting { end: self, consumers })
    }

    #[cold]
    fn begin_get_slowly<'a>(
        &'a self,
        error: LockError<MutexGuard<'a, Consumers>>,
        patience: Patience,
    ) -> Result<MutexGuard<'a, Consumers>, GetError> {
        let control = self.control();
        let locked = match (error, patience.for_lock().deadline()) {
            (LockError::WouldBlock, Some(deadline)) => control.consumers.lock_deadline(deadline),
            (LockError::WouldBlock, None) => control.consumers.lock(),
            (error, _) => Err(error),
        };
        match locked {
            Err(LockError::TimedOut) if matches!(patience, Patience::Until(_)) => {
                Err(GetError::TimedOut)
            }
            Err(LockError::OwnerDied(guard) | LockError::Poisoned(guard)) => {
                control.takes.repair(control.head().unit);
                Ok(sound(LockError::OwnerDied(guard))?)
            }
            locked => Ok(locked?),
        }
    }
}

impl<'a> Getting<'a> {
    fn control(&self) -> &'a Control {
        self.end.control()
    }

    fn ring(&self) -> &'a Ring {
        &self.end.shared.ring
    }

    /// The item that is next, if there is one: those that were returned come first.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Found<'a>>, GetError> {
        if self.control().takes.is_any_active()
            && let Some(held) = self.returned()?
        {
            return Ok(Some(Found::Returned(held)));
        }
        Ok(self.ring().front(&mut self.consumers)?.map(Found::Front))
    }

    #[cold]
    fn returned(&self) -> Result<Option<Held<'a>>, GetError> {
        if self.control().fixed.closed() == SHUT_DOWN {
            self.discard_returned()?;
            return Ok(None);
        }
        self.one_returned()
    }

    fn one_returned(&self) -> Result<Option<Held<'a>>, GetError> {
        let takes = &self.control().takes;
        let head = self.control().head().unit;
        for (index, take) in takes.active() {
            if take.is_returned(head)
                && let Some(held) = takes.try_hold(index)?
                // It may have been acknowledged between the look and the lock.
                && take.state() == LEASED
            {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// Throws away what was returned.
    pub(crate) fn discard_returned(&self) -> Result<(), GetError> {
        while let Some(held) = self.one_returned()? {
            held.free();
        }
        Ok(())
    }

    /// Takes a short item and copies it to the end of `buffer`: the usual way. Gives its descriptors.
    #[inline]
    pub(crate) fn copy(
        &mut self,
        found: Found<'a>,
        buffer: &mut Vec<u8>,
    ) -> Result<Vec<OwnedFd>, GetError> {
        match found {
            Found::Front(front) if !front.record.has_descriptors() => {
                self.ring().read(front.unit, front.record, buffer);
                self.pass(&front)?;
                Ok(Vec::new())
            }
            Found::Front(front) => self.copy_with_descriptors(&front, buffer),
            // It is not short, so nobody asks for this.
            Found::Returned(_) => Err(GetError::Corrupt("a returned item is read where it lies")),
        }
    }

    #[cold]
    fn copy_with_descriptors(
        &mut self,
        front: &Front,
        buffer: &mut Vec<u8>,
    ) -> Result<Vec<OwnedFd>, GetError> {
        let tag = self.tag(front.unit, front.record)?;
        let descriptors = self.descriptors(tag)?;
        let begin = buffer.len();
        self.ring().read(front.unit, front.record, buffer);
        buffer.drain(begin..begin + TAG);
        self.pass(front)?;
        self.forget_descriptors(tag, descriptors.is_some());
        descriptors.ok_or_else(|| self.lost())
    }

    /// Takes an item, which stays where it is, borrowed or leased.
    pub(crate) fn take_out(&mut self, found: Found<'a>, state: u32) -> Result<Out<'a>, GetError> {
        let (unit, record) = self.place_of(&found)?;
        let tag = self.tag(unit, record)?;
        let descriptors = self.descriptors(tag)?;
        let held = match found {
            Found::Returned(held) if state == LEASED => {
                held.take_over();
                held
            }
            Found::Returned(held) => {
                self.owe_returned(held.take())?;
                held.enter(BORROWED, unit, tag);
                held.confirm();
                held
            }
            Found::Front(front) => self.take_out_front(&front, state, tag)?,
        };
        if state == BORROWED {
            self.forget_descriptors(tag, descriptors.is_some());
        }
        match descriptors {
            Some(descriptors) => Ok(Out { end: self.end, held, unit, record, descriptors }),
            None => {
                held.free();
                Err(if state == LEASED { GetError::DescriptorsLost } else { self.lost() })
            }
        }
    }

    /// An item was taken whose descriptors are gone: nothing is owed for it.
    #[cold]
    fn lost(&self) -> GetError {
        self.end.forgive_one();
        GetError::DescriptorsLost
    }

    fn take_out_front(
        &mut self,
        front: &Front,
        state: u32,
        tag: u64,
    ) -> Result<Held<'a>, GetError> {
        let held = self.take_place()?;
        held.enter(state, front.unit, tag);
        let passed = if state == LEASED {
            self.control().set_head(front.next);
            Ok(())
        } else {
            self.pass(front)
        };
        held.confirm();
        passed.map(|()| held)
    }

    fn take_place(&self) -> Result<Held<'a>, GetError> {
        self.control().takes.take_place().map_err(|error| match error {
            LockError::WouldBlock => GetError::TooManyOut,
            error => error.into(),
        })
    }

    /// Takes a short item without descriptors from the head to the end of `buffer`, if that is next
    /// and nothing is out of the ring: the case of every day.
    #[inline]
    pub(crate) fn copy_plain(&mut self, buffer: &mut Vec<u8>) -> bool {
        let (ring, control) = (self.ring(), self.control());
        let is_simple = ring.shape().counts_tasks == 0 && self.is_nothing_returned();
        let Ok(Some(front)) = ring.front(&mut self.consumers) else { return false };
        let is_short = front.record.len() <= COPIED_UNDER_LOCK;
        let is_plain = is_simple && front.record.is(Kind::Item) && is_short;
        if is_plain {
            ring.read(front.unit, front.record, buffer);
            control.set_head(front.next);
        }
        is_plain
    }

    /// Borrows an item without descriptors at the head, if that is next: the case of every day.
    #[inline]
    pub(crate) fn borrow_plain(&mut self) -> Option<Out<'a>> {
        let (ring, control) = (self.ring(), self.control());
        let is_simple = ring.shape().counts_tasks == 0 && self.is_nothing_returned();
        let front = ring.front(&mut self.consumers).ok().flatten();
        let front = front.filter(|front| is_simple && front.record.is(Kind::Item))?;
        let held = control.takes.take_place().ok()?;
        held.enter(BORROWED, front.unit, 0);
        control.set_head(front.next);
        held.confirm();
        Some(Out {
            end: self.end,
            held,
            unit: front.unit,
            record: front.record,
            descriptors: Vec::new(),
        })
    }

    /// True if nothing that was taken is to be given out again. Nothing changes that while the lock
    /// is held, but for a lease that ends: then its item is for whoever comes next.
    #[inline]
    fn is_nothing_returned(&self) -> bool {
        let takes = &self.control().takes;
        !takes.is_any_active() || takes.tidy() || !takes.is_any_returned(self.control().head().unit)
    }

    /// Moves the head past an item that is not leased; in a joinable queue this thread owes it.
    #[inline]
    fn pass(&mut self, front: &Front) -> Result<(), GetError> {
        if self.ring().shape().counts_tasks == 0 {
            self.control().set_head(front.next);
            return Ok(());
        }
        let debt = self.debt()?;
        debt.owe_one(front.unit);
        self.control().set_head(front.next);
        debt.be_sure();
        Ok(())
    }

    /// In a joinable queue, a returned item that is not leased again is owed from now on.
    fn owe_returned(&self, take: &Take) -> Result<(), GetError> {
        if self.ring().shape().counts_tasks == 0 {
            return Ok(());
        }
        let debt = self.debt()?;
        // Sure at once: dies before the place is free, and the item returns and is owed besides.
        debt.owe_one(take.unit.load(Relaxed));
        debt.be_sure();
        Ok(())
    }

    /// The place by which this thread owes items.
    fn debt(&self) -> Result<&'a Take, GetError> {
        let takes = &self.control().takes;
        if let Some(own) = takes.own_debt() {
            return Ok(own);
        }
        let held = self.take_place()?;
        held.enter(OWED, 0, 0);
        held.confirm();
        let take = held.take();
        held.keep();
        debts::remember(&self.end.shared);
        // Who joins watches those that owe something, and does not know of this one yet.
        self.control().joined.wake(u32::MAX);
        Ok(take)
    }

    fn place_of(&self, found: &Found<'a>) -> Result<(u32, Record), GetError> {
        match found {
            Found::Front(front) => Ok((front.unit, front.record)),
            Found::Returned(held) => {
                let unit = held.take().unit.load(Relaxed); // The lock of the place orders it.
                Ok((unit, self.ring().whole_record(unit)?))
            }
        }
    }

    /// The tag of an item's descriptors; 0 if it has none.
    fn tag(&self, unit: u32, record: Record) -> Result<u64, GetError> {
        if !record.has_descriptors() {
            return Ok(0);
        }
        if (record.len() as usize) < TAG {
            return Err(GetError::Corrupt("an item has no tag"));
        }
        let mut bytes = Vec::new();
        self.ring().read(unit, Record::new(Kind::Item, TAG as u32), &mut bytes);
        Ok(bytes.try_into().map_or(0, u64::from_ne_bytes))
    }

    /// The descriptors of an item; `None` if they are gone. After an error they, and the item, are
    /// still where they were.
    fn descriptors(&self, tag: u64) -> Result<Option<Vec<OwnedFd>>, GetError> {
        if tag == 0 {
            return Ok(Some(Vec::new()));
        }
        Ok(self.end.shared.vault.find(tag, |tag| self.is_wanted(tag))?)
    }

    /// The item with these descriptors is taken for good.
    fn forget_descriptors(&mut self, tag: u64, at_front: bool) {
        if tag > self.consumers.last_tag {
            self.consumers.last_tag = tag;
        }
        if tag != 0 && at_front {
            self.end.shared.vault.discard_front();
        }
    }

    /// A leased item with descriptors is done.
    pub(crate) fn discard_descriptors(&mut self, tag: u64) {
        let found = matches!(self.descriptors(tag), Ok(Some(_)));
        self.forget_descriptors(tag, found);
    }

    /// True if an item with this tag may still be taken.
    fn is_wanted(&self, tag: u64) -> bool {
        let leased = |take: &Take| take.state() == LEASED && take.tag.load(Relaxed) == tag;
        tag > self.consumers.last_tag || self.control().takes.active().any(|(_, take)| leased(take))
    }

    /// Throws away everything that is queued, and its descriptors up to `last_tag`.
    ///
    /// What consumers remember of the tail goes first, as it is never behind the head.
    pub(crate) fn discard_all(&mut self, last_tag: u64) -> Result<(), GetError> {
        let tail = self.control().tail();
        self.consumers.tail = tail.word();
        if tail.count != self.control().head().count {
            // Else the tail may have to follow the head, where a consumer died.
            self.control().set_head(tail);
        }
        self.discard_returned()?;
        self.consumers.last_tag = self.consumers.last_tag.max(last_tag);
        // No item has the tag 0: whoever looks for it throws away all that is not wanted.
        self.end.shared.vault.find(0, |tag| self.is_wanted(tag))?;
        Ok(())
    }

    /// Gives back the lock, and says that there is room.
    #[inline]
    pub(crate) fn end(mut self, taken: u32) {
        if self.ring().is_large() {
            self.shrink();
        }
        let control = self.control();
        drop(self.consumers);
        control.room.wake(taken);
    }

    /// Gives memory back if the queue is drained and nobody puts anything right now.
    #[cold]
    fn shrink(&mut self) {
        let (control, ring) = (self.control(), self.ring());
        if control.queued() == 0
            && let Ok(mut producers) =
                control.producers.try_lock().or_else(|error| ring.after_death(error))
        {
            ring.shrink(&mut producers, &mut self.consumers);
        }
    }
}
