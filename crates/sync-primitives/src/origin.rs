//! Telling a process from those that are forked from it.

use crate::error::Unsupported;
use crate::thread;

/// The process in which this was made, for things that its forked children must not use.
///
/// To ask costs two loads: the kernel wipes a word in every child, so no system call is needed.
///
/// # Examples
///
/// ```
/// use sync_primitives::Origin;
///
/// let origin = Origin::here()?;
/// assert!(origin.is_here());
/// # Ok::<(), sync_primitives::Unsupported>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin(u32);

impl Origin {
    /// This process.
    ///
    /// # Errors
    ///
    /// When the kernel cannot wipe a page at forks, or has no page.
    pub fn here() -> Result<Origin, Unsupported> {
        thread::current_stamp().map(Origin)
    }

    /// False in a process that was forked from the one in which it was made.
    #[inline]
    #[must_use]
    pub fn is_here(self) -> bool {
        thread::stamp() == self.0
    }
}
