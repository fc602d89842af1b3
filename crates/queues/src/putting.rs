//! How items get in: what a sending end does.

use std::io;
use std::os::fd::AsFd;

use sync_primitives::{LockError, MutexGuard};

use crate::control::Producers;
use crate::end::End;
use crate::error::PutErrorKind;
use crate::mark::Mark;
use crate::parcel::Parcel;
use crate::patience::Patience;
use crate::record::Kind;
use crate::ring::NoRoom;
use crate::shape::LONGEST_IN_RING;
use crate::sys;
use crate::waiting::{Next, Waiting};

/// What is short enough to be put without further thought.
const SHORT: usize = 4 << 10;

/// The bytes of a tag, in front of an item with descriptors.
pub(crate) const TAG: usize = 8;

/// The producers' lock, and what to do with it.
#[derive(Debug)]
pub(crate) struct Putting<'a> {
    end: &'a End,
    producers: MutexGuard<'a, Producers>,
    /// Where the next record goes; committed as far as `committed`.
    tail: Mark,
    committed: Mark,
}

impl End {
    /// Puts one item.
    #[inline]
    pub(crate) fn put(&self, parcel: &Parcel<'_>, patience: Patience) -> Result<(), PutErrorKind> {
        let mut putting = self.begin_put(patience)?;
        match putting.add(parcel) {
            Ok(()) => {
                putting.commit();
                Ok(())
            }
            Err(PutErrorKind::Full) => {
                drop(putting);
                self.put_patiently(parcel, patience)
            }
            Err(error) => Err(error),
        }
    }

    /// The case of every day: the lock is free, and a short item has its place behind the last one.
    #[inline]
    pub(crate) fn put_at_once(&self, bytes: &[u8]) -> bool {
        let control = self.control();
        let Ok(producers) = control.producers.try_lock() else { return false };
        let tail = control.tail();
        let fits = bytes.len() <= SHORT
            && control.fixed.closed() == 0
            && !self.is_alone()
            && self.shared.ring.has_place_behind(&producers, tail, bytes.len() as u32);
        if fits {
            let mut putting = Putting { end: self, producers, tail, committed: tail };
            putting.tail = self.shared.ring.write(tail, tail.unit, Kind::Item, bytes);
            putting.commit();
        }
        fits
    }

    #[cold]
    fn put_patiently(&self, parcel: &Parcel<'_>, patience: Patience) -> Result<(), PutErrorKind> {
        self.when_there_is_room(patience, |mut putting| {
            putting.add(parcel)?;
            putting.commit();
            Ok(())
        })
    }

    /// Runs `work` as soon as it finds room.
    pub(crate) fn when_there_is_room<'a, R>(
        &'a self,
        patience: Patience,
        mut work: impl FnMut(Putting<'a>) -> Result<R, PutErrorKind>,
    ) -> Result<R, PutErrorKind> {
        let gate = &*self.control().room;
        let mut waiting = Waiting::new(gate, &self.pace, patience);
        let mut announced = 0;
        loop {
            match self.begin_put(patience).and_then(&mut work) {
                Err(PutErrorKind::Full) => {}
                result => return result,
            }
            match waiting.next() {
                Next::Try => {}
                Next::Arm if self.is_left_alone() => return Err(PutErrorKind::Disconnected),
                Next::Arm => announced = gate.announce(),
                Next::Sleep if self.is_left_alone() => return Err(PutErrorKind::Disconnected),
                Next::Sleep => {
                    waiting.sleep_at_gate(announced);
                    announced = gate.announce();
                }
                Next::GiveUp => return Err(gave_up(patience)),
            }
        }
    }

    /// Takes the producers' lock, if anything can be put at all.
    #[inline]
    pub(crate) fn begin_put(&self, patience: Patience) -> Result<Putting<'_>, PutErrorKind> {
        let producers = self.lock_producers(patience)?;
        let control = self.control();
        if control.fixed.closed() != 0 {
            return Err(PutErrorKind::Closed);
        }
        if self.is_alone() {
            return Err(PutErrorKind::Disconnected);
        }
        let tail = control.tail();
        Ok(Putting { end: self, producers, tail, committed: tail })
    }

    /// The producers' lock. What a dead or panicked holder left is put right.
    #[inline]
    pub(crate) fn lock_producers(
        &self,
        patience: Patience,
    ) -> Result<MutexGuard<'_, Producers>, PutErrorKind> {
        match self.control().producers.try_lock() {
            Ok(guard) => Ok(guard),
            Err(LockError::WouldBlock) => self.wait_for_producers(patience),
            Err(error) => self.shared.ring.after_death(error).map_err(PutErrorKind::from),
        }
    }

    #[cold]
    fn wait_for_producers(
        &self,
        patience: Patience,
    ) -> Result<MutexGuard<'_, Producers>, PutErrorKind> {
        let lock = &self.control().producers;
        let locked = match patience.for_lock().deadline() {
            Some(deadline) => lock.lock_deadline(deadline),
            None => lock.lock(),
        };
        let locked = locked.or_else(|error| self.shared.ring.after_death(error));
        locked.map_err(|error| match (error, patience) {
            (LockError::TimedOut, Patience::Until(_)) => PutErrorKind::TimedOut,
            (error, _) => error.into(),
        })
    }
}

/// A lock whose holder died or panicked, as one like any other.
pub(crate) fn sound<T>(
    error: LockError<MutexGuard<'_, T>>,
) -> Result<MutexGuard<'_, T>, LockError<MutexGuard<'_, T>>> {
    match error {
        LockError::OwnerDied(guard) | LockError::Poisoned(guard) => {
            MutexGuard::mark_consistent(&guard);
            Ok(guard)
        }
        error => Err(error),
    }
}

fn gave_up(patience: Patience) -> PutErrorKind {
    match patience {
        Patience::None => PutErrorKind::Full,
        _ => PutErrorKind::TimedOut,
    }
}

impl<'a> Putting<'a> {
    /// Writes an item behind the last one; nobody sees it before it is committed.
    #[inline]
    pub(crate) fn add(&mut self, parcel: &Parcel<'_>) -> Result<(), PutErrorKind> {
        if !parcel.descriptors.is_empty() {
            return self.add_with_descriptors(parcel);
        }
        self.add_plain(parcel.bytes)
    }

    /// The same for bytes that need nothing else.
    #[inline]
    pub(crate) fn add_plain(&mut self, bytes: &[u8]) -> Result<(), PutErrorKind> {
        let unit = self.find_place(bytes.len())?;
        self.tail = self.end.shared.ring.write(self.tail, unit, Kind::Item, bytes);
        Ok(())
    }

    #[cold]
    fn add_with_descriptors(&mut self, parcel: &Parcel<'_>) -> Result<(), PutErrorKind> {
        let unit = self.find_place(TAG + parcel.bytes.len())?;
        let tag = self.producers.last_tag.wrapping_add(1);
        // Before the descriptors are there: if we die then, nobody gives them to another item.
        self.producers.last_tag = tag;
        self.end.shared.vault.add(tag, &parcel.descriptors).map_err(|error| {
            match error.kind() {
                // Consumers have to take some descriptors first.
                io::ErrorKind::WouldBlock => PutErrorKind::Full,
                _ => PutErrorKind::Io(error),
            }
        })?;
        let bytes = [&tag.to_ne_bytes(), parcel.bytes].concat();
        self.tail = self.end.shared.ring.write(self.tail, unit, parcel.kind, &bytes);
        Ok(())
    }

    #[inline]
    fn find_place(&mut self, len: usize) -> Result<u32, PutErrorKind> {
        let ring = &self.end.shared.ring;
        // Longer ones travel elsewhere.
        debug_assert!(len <= LONGEST_IN_RING + TAG);
        ring.find_place(&mut self.producers, self.tail, len as u32).map_err(|why| match why {
            NoRoom::Full => PutErrorKind::Full,
            NoRoom::OutOfMemory => PutErrorKind::OutOfMemory,
            NoRoom::Corrupt(what) => PutErrorKind::Corrupt(what),
        })
    }

    /// A place for `len` bytes that the caller writes, and then commits by
    /// [`commit_place`](Putting::commit_place).
    pub(crate) fn reserve(&mut self, len: usize) -> Result<u32, PutErrorKind> {
        self.find_place(len)
    }

    /// Commits the bytes that were written at a reserved place; not in a forked child, as the lock is
    /// its parent's.
    pub(crate) fn commit_place(mut self, unit: u32, len: usize) {
        let own = self.end.control().producers.try_lock();
        if matches!(own, Err(LockError::Deadlock)) {
            self.tail = self.end.shared.ring.write_header(self.tail, unit, Kind::Item, len as u32);
            self.commit();
        }
    }

    /// Makes visible what has been added, and wakes who waits for it.
    #[inline]
    pub(crate) fn commit(mut self) {
        let added = self.publish();
        let control = self.end.control();
        drop(self.producers);
        control.items.wake(added);
    }

    /// Makes visible what has been added; the caller wakes who waits for so many items.
    #[inline]
    pub(crate) fn publish(&mut self) -> u32 {
        let added = self.tail.items_since(self.committed);
        if added > 0 {
            let control = self.end.control();
            if control.items.is_polled() {
                self.ring_bell();
            }
            control.set_tail(self.tail);
            self.committed = self.tail;
        }
        added
    }

    #[cold]
    fn ring_bell(&self) {
        sys::ring(self.end.shared.bell.as_fd());
        self.end.control().items.clear_polled();
    }
}
