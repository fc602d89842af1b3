//! Descriptions of a region's file that guards lock on, kept for the next one.
//!
//! To open one costs several times what a lock costs.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use crate::{ShmError, sys};

/// So many are kept while nobody needs them.
const KEPT: usize = 4;

/// A description of its own, which holds no lock while nobody has it.
#[derive(Debug)]
pub(crate) struct Description {
    file: OwnedFd,
    /// Who has opened it. A forked child shares the locks on it, and must leave it alone.
    pid: u32,
}

/// Those that are not in use.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    spare: Mutex<Vec<Description>>,
}

impl Descriptions {
    /// One that nobody else has, of the same file as `file`.
    pub(crate) fn take(&self, file: BorrowedFd<'_>) -> Result<Description, ShmError> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        spare.retain(Description::is_own);
        match spare.pop() {
            Some(description) => Ok(description),
            None => Description::open(file),
        }
    }

    /// Keeps one that holds no lock any more, or closes it.
    pub(crate) fn give_back(&self, description: Description) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < KEPT {
            spare.push(description);
        }
    }
}

impl Description {
    /// A new one, of the same file as `file`.
    pub(crate) fn open(file: BorrowedFd<'_>) -> Result<Description, ShmError> {
        Ok(Description { file: sys::reopen(file)?, pid: sys::own_pid() })
    }

    /// Whether this process has opened it, and has not got it by being forked.
    pub(crate) fn is_own(&self) -> bool {
        self.pid == sys::own_pid()
    }
}

impl AsFd for Description {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
