//! What calls have done, in memory that outlives the workers that made them.

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use ipc_shm::{RawArray, ShmError};
use serde::{Deserialize, Serialize};

/// The most calls of a round.
pub(crate) const CALLS: u32 = 1 << 21;

/// Notes for each call of a round; every worker has it as its pool's payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    begun: RawArray<u8>,
    ended: RawArray<u8>,
    /// The processes that began it first and last.
    first: RawArray<u32>,
    process: RawArray<u32>,
}

impl Account {
    pub(crate) fn new() -> Result<Account, ShmError> {
        Ok(Account {
            begun: RawArray::with_len(CALLS as usize)?,
            ended: RawArray::with_len(CALLS as usize)?,
            first: RawArray::with_len(CALLS as usize)?,
            process: RawArray::with_len(CALLS as usize)?,
        })
    }

    /// Notes that a call begins here; tells how often it had before.
    pub(crate) fn begin(&self, call: u32) -> u8 {
        let this = std::process::id();
        // The first one stays.
        let _ = self.first.as_atomics()[call as usize].compare_exchange(0, this, Relaxed, Relaxed);
        self.process.as_atomics()[call as usize].store(this, Relaxed);
        self.begun.as_atomics()[call as usize].fetch_add(1, SeqCst)
    }

    pub(crate) fn end(&self, call: u32) {
        self.ended.as_atomics()[call as usize].fetch_add(1, SeqCst);
    }

    pub(crate) fn begun(&self, call: u32) -> u8 {
        self.begun.as_atomics()[call as usize].load(SeqCst)
    }

    pub(crate) fn ended(&self, call: u32) -> u8 {
        self.ended.as_atomics()[call as usize].load(SeqCst)
    }

    pub(crate) fn first(&self, call: u32) -> u32 {
        self.first.as_atomics()[call as usize].load(Relaxed)
    }

    pub(crate) fn process(&self, call: u32) -> u32 {
        self.process.as_atomics()[call as usize].load(Relaxed)
    }
}
