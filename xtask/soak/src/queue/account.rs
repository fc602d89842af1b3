//! What workers have done for sure and what they are in the middle of, in memory that outlives them.
//!
//! | who | notes before | notes after |
//! |---|---|---|
//! | a producer | up to which of its items it is putting | that they are put |
//! | a consumer | how many it is about to take | each that it has taken, then that it does nothing |
//! | one with a lease | which item it is about to acknowledge | likewise |
//!
//! So an item that was put and that nobody has noted is explained by a consumer that was killed while
//! it took so many, or while it acknowledged this very one; and none is noted twice, since one that was
//! acknowledged does not come back.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU8, AtomicU64};

use ipc_shm::{RawArray, ShmError};
use serde::{Deserialize, Serialize};

/// The most producers of a round, one after the other, and the most items of each.
pub(crate) const LIVES: u32 = 640;
pub(crate) const ITEMS: u32 = 1 << 15;

/// In a consumer's note: the item that it is acknowledging.
const ACKNOWLEDGING: u64 = 1 << 63;

/// An item's name: the producer that put it, and how many that one had put before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Name {
    pub(crate) life: u32,
    pub(crate) number: u32,
}

impl Name {
    pub(crate) fn word(self) -> u64 {
        u64::from(self.life) << 32 | u64::from(self.number)
    }

    pub(crate) fn byte(self) -> u8 {
        (self.number ^ self.life) as u8
    }

    fn index(self) -> usize {
        self.life as usize * ITEMS as usize + self.number as usize
    }
}

/// The account of a round, in shared memory.
#[derive(Debug)]
pub(crate) struct Account {
    /// How often each item was taken for sure.
    taken: RawArray<u8>,
    /// For each producer: how many items it has put for sure, and how many it may have put.
    put: RawArray<u64>,
    /// For each consumer, what it is about to do.
    taking: RawArray<u64>,
    /// Whether producers are to stop, how many items were taken, and how many came back before.
    common: RawArray<u64>,
}

/// What one round, or all of them, came to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sum {
    pub(crate) rounds: u64,
    pub(crate) items: u64,
    pub(crate) kills: u64,
    /// Gone with a consumer that was killed while it took them.
    pub(crate) lost: u64,
    /// How many could have been lost so.
    pub(crate) could: u64,
    /// Acknowledged by a consumer that was killed before it could note that.
    pub(crate) unnoted: u64,
    /// Put by a producer that was killed before it could note that.
    pub(crate) unsure: u64,
    pub(crate) redelivered: u64,
}

impl Account {
    pub(crate) fn new() -> Result<Account, ShmError> {
        Ok(Account {
            taken: RawArray::with_len((LIVES * ITEMS) as usize)?,
            put: RawArray::with_len(2 * LIVES as usize)?,
            taking: RawArray::with_len(LIVES as usize)?,
            common: RawArray::with_len(3)?,
        })
    }

    /// A producer is about to put its items up to `number`.
    pub(crate) fn is_putting(&self, life: u32, number: u32) {
        self.put.as_atomics()[2 * life as usize + 1].store(number.into(), SeqCst);
    }

    /// It has put them.
    pub(crate) fn has_put(&self, life: u32, number: u32) {
        self.put.as_atomics()[2 * life as usize].store(number.into(), SeqCst);
    }

    /// A consumer is about to take so many.
    pub(crate) fn is_taking(&self, life: u32, count: u64) {
        self.taking(life).store(count, SeqCst);
    }

    /// A consumer is about to acknowledge an item that it has leased.
    pub(crate) fn is_acknowledging(&self, life: u32, name: Name) {
        self.taking(life).store(ACKNOWLEDGING | name.word(), SeqCst);
    }

    /// An item was taken, for good.
    pub(crate) fn has_taken(&self, name: Name) -> Result<(), String> {
        let mark: Option<&AtomicU8> = self.taken.as_atomics().get(name.index());
        match mark.map(|mark| mark.fetch_add(1, SeqCst)) {
            Some(0) => {
                self.common.as_atomics()[1].fetch_add(1, Relaxed);
                Ok(())
            }
            Some(times) => Err(format!("{name:?} was taken {} times", times + 1)),
            None => Err(format!("{name:?} is nobody's item")),
        }
    }

    pub(crate) fn has_come_back(&self) {
        self.common.as_atomics()[2].fetch_add(1, Relaxed);
    }

    pub(crate) fn stop(&self) {
        self.common.as_atomics()[0].store(1, SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.common.as_atomics()[0].load(Relaxed) != 0
    }

    /// How many items were taken so far.
    pub(crate) fn progress(&self) -> u64 {
        self.common.as_atomics()[1].load(Relaxed)
    }

    fn taking(&self, life: u32) -> &AtomicU64 {
        &self.taking.as_atomics()[life as usize]
    }

    /// Adds everything up, when all workers have ended.
    pub(crate) fn settle(&self, producers: u32, kills: u64) -> Result<Sum, String> {
        let redelivered = self.common.as_atomics()[2].load(Relaxed);
        let mut sum = Sum { rounds: 1, kills, redelivered, ..Sum::default() };
        let mut acknowledged = HashSet::new();
        for note in self.taking.iter() {
            if note & ACKNOWLEDGING != 0 {
                acknowledged.insert(note & !ACKNOWLEDGING);
            } else {
                sum.could += note;
            }
        }
        for life in 0..producers {
            self.settle_life(life, &acknowledged, &mut sum)?;
        }
        if sum.lost > sum.could {
            return Err(format!("{} items are lost, {} with their consumers", sum.lost, sum.could));
        }
        Ok(sum)
    }

    fn settle_life(
        &self,
        life: u32,
        acknowledged: &HashSet<u64>,
        sum: &mut Sum,
    ) -> Result<(), String> {
        let put = |which: usize| self.put.get(2 * life as usize + which).unwrap_or_default() as u32;
        let (sure, perhaps) = (put(0), put(1));
        for number in 0..ITEMS {
            let name = Name { life, number };
            let taken = self.taken.get(name.index()).unwrap_or_default();
            match taken {
                0 if number >= sure => {}
                0 if acknowledged.contains(&name.word()) => sum.unnoted += 1,
                0 => sum.lost += 1,
                1 if number < sure => {}
                1 if number < perhaps => sum.unsure += 1,
                1 => return Err(format!("{name:?} was taken, and never put")),
                times => return Err(format!("{name:?} was taken {times} times")),
            }
            sum.items += u64::from(number < sure);
        }
        Ok(())
    }
}

impl Sum {
    pub(crate) fn add(&mut self, other: &Sum) {
        self.rounds += other.rounds;
        self.items += other.items;
        self.kills += other.kills;
        self.lost += other.lost;
        self.could += other.could;
        self.unnoted += other.unnoted;
        self.unsure += other.unsure;
        self.redelivered += other.redelivered;
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sum { rounds, items, kills, lost, could, unnoted, unsure, redelivered } = self;
        write!(f, "{rounds} rounds, {items} items, {kills} kills: all accounted for; ")?;
        write!(f, "{lost} lost with their consumers (of {could} that could be), ")?;
        write!(f, "{unnoted} acknowledged and {unsure} put at a death, {redelivered} redelivered")
    }
}
