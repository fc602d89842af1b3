//! A priority queue in one process, and its lock.
//!
//! Whoever has the lock works on a private copy of what it remembers, so that nobody can change it
//! behind a check, and writes it back before each step that needs it, and at the end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::AtomicBool;

use sync_primitives::{LockError, MutexGuard};

use super::control::{Control, State};
use super::memory::Memory;
use super::repair::rebuild;
use super::size::Size;
use crate::control::{CLOSED, SHUT_DOWN};
use crate::error::GetError;
use crate::pace::Pace;
use crate::patience::Patience;
use crate::sys;
use crate::vault::Vault;

/// What a handle refers to.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) memory: Memory,
    pub(crate) vault: Vault,
    /// Rings while there are items, if somebody sleeps by it.
    pub(crate) bell: OwnedFd,
    /// How its producers and consumers wait.
    pub(crate) putting: Pace,
    pub(crate) taking: Pace,
    /// The bell has been given out to be polled: who finds nothing arms it again.
    pub(crate) given_out: AtomicBool,
}

/// The lock, and what to do with it.
#[derive(Debug)]
pub(crate) struct Holding<'a> {
    pub(crate) store: &'a Store,
    guard: MutexGuard<'a, State>,
    pub(crate) state: State,
}

type Locked<'a> = Result<MutexGuard<'a, State>, LockError<MutexGuard<'a, State>>>;

impl Store {
    pub(crate) fn new(size: Size) -> io::Result<Store> {
        Ok(Store::over(Memory::new(size)?, Vault::new()?, sys::bell()?))
    }

    pub(crate) fn over(memory: Memory, vault: Vault, bell: OwnedFd) -> Store {
        let given_out = AtomicBool::new(false);
        Store { memory, vault, bell, putting: Pace::new(), taking: Pace::new(), given_out }
    }

    #[inline]
    pub(crate) fn control(&self) -> &Control {
        self.memory.control()
    }

    /// Takes the lock. What a dead or panicked holder left is put right.
    #[inline]
    pub(crate) fn lock(&self, patience: Patience) -> Result<Holding<'_>, GetError> {
        match self.control().state.try_lock() {
            Ok(guard) => Holding::new(self, guard),
            locked => self.lock_slowly(locked, patience),
        }
    }

    /// The same if the lock is free and nobody has died with it.
    #[inline]
    pub(crate) fn lock_at_once(&self) -> Option<Holding<'_>> {
        let guard = self.control().state.try_lock().ok()?;
        let state = *guard;
        state.is_sound(self.memory.size()).then_some(Holding { store: self, guard, state })
    }

    #[cold]
    fn lock_slowly<'a>(
        &'a self,
        mut locked: Locked<'a>,
        patience: Patience,
    ) -> Result<Holding<'a>, GetError> {
        let lock = &self.control().state;
        if let Err(LockError::WouldBlock) = locked {
            let deadline = patience.for_lock().deadline();
            locked = deadline.map_or_else(|| lock.lock(), |deadline| lock.lock_deadline(deadline));
        }
        match locked {
            Ok(guard) => Holding::new(self, guard),
            Err(LockError::OwnerDied(guard) | LockError::Poisoned(guard)) => {
                Holding::repaired(self, guard)
            }
            Err(LockError::TimedOut) if matches!(patience, Patience::Until(_)) => {
                Err(GetError::TimedOut)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The number of items, right at this instant if nobody is at work on them.
    pub(crate) fn len(&self) -> u32 {
        // Puts right what somebody may have left who died.
        drop(self.lock_if_free());
        match self.control().fixed.closed() {
            SHUT_DOWN => 0,
            _ => self.control().len(),
        }
    }

    /// True if a short item has no place at this instant.
    pub(crate) fn is_full(&self) -> bool {
        let size = self.memory.size();
        let holding = self.lock_if_free();
        let has_chunk = holding.is_none_or(|holding| holding.state.left(size.room) > 0);
        self.control().len() >= size.items || !has_chunk
    }

    fn lock_if_free(&self) -> Option<Holding<'_>> {
        match self.control().state.try_lock() {
            Err(LockError::WouldBlock) => None,
            // If that fails, the next operation says why.
            locked => self.lock_slowly(locked, Patience::None).ok(),
        }
    }

    /// Ends the queue for producers: consumers get what is there.
    pub(crate) fn close(&self) {
        // Without the lock, it is closed all the same.
        let _ = self.end(CLOSED);
    }

    /// Ends the queue for all, and throws away what is there.
    pub(crate) fn shut_down(&self) -> Result<(), GetError> {
        self.end(SHUT_DOWN)
    }

    /// Under the lock, the bell rings before the queue ends, and who hears it waits for the lock: so
    /// a death in between leaves nobody asleep. If the lock cannot be had for a while, as its holder
    /// is stopped, the queue ends without it, and the bell rings afterwards.
    fn end(&self, how: u32) -> Result<(), GetError> {
        let control = self.control();
        let holding = self.lock(Patience::None);
        sys::ring(self.bell.as_fd());
        control.fixed.close(how);
        let result = holding.map(|mut holding| {
            if control.fixed.closed() == SHUT_DOWN {
                holding.discard_all();
            }
        });
        if result.is_err() {
            sys::ring(self.bell.as_fd());
        }
        control.items.wake(u32::MAX);
        control.room.wake(u32::MAX);
        result
    }
}

impl<'a> Holding<'a> {
    #[inline]
    fn new(store: &'a Store, guard: MutexGuard<'a, State>) -> Result<Holding<'a>, GetError> {
        let state = *guard;
        if state.is_sound(store.memory.size()) {
            return Ok(Holding { store, guard, state });
        }
        Err(GetError::Corrupt("what is remembered of the items cannot be"))
    }

    /// Dies before it is done: so is the next one's lock. If the items make no sense, the lock stays
    /// marked, and everybody is told.
    fn repaired(store: &'a Store, guard: MutexGuard<'a, State>) -> Result<Holding<'a>, GetError> {
        let control = store.control();
        let is_shut_down = control.fixed.closed() == SHUT_DOWN;
        let left = *guard;
        let state = if is_shut_down { left } else { rebuild(&store.memory, left)? };
        let mut holding = Holding { store, guard, state };
        if is_shut_down {
            holding.discard_all();
        }
        // Throws out descriptors without an item. If it fails, who meets them next does.
        let _ = store.vault.find(0, |tag| holding.is_wanted(tag));
        holding.save();
        MutexGuard::mark_consistent(&holding.guard);
        control.items.wake(u32::MAX);
        control.room.wake(u32::MAX);
        Ok(holding)
    }

    /// Writes back what is remembered.
    #[inline]
    pub(crate) fn save(&mut self) {
        *self.guard = self.state;
        self.store.control().set_len(self.state.len);
    }

    /// Notes the number of an item before it is used outside of the memory.
    pub(crate) fn save_number(&mut self) {
        self.guard.last_seq = self.state.last_seq;
    }

    /// The queue is shut down: there are no items, whatever the chunks say.
    fn discard_all(&mut self) {
        self.state = State::empty(self.state.last_seq, 0);
        self.save();
        // A refusal leaves the memory where it is, until the queue goes.
        let _ = self.store.memory.give_back_from(0);
        self.store.vault.clear();
    }
}

impl Drop for Holding<'_> {
    #[inline]
    fn drop(&mut self) {
        self.save();
    }
}
