//! Room for an item that is written where it will lie.
#![allow(unsafe_code, reason = "lends the bytes of a reservation in shared memory")]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use crate::putting::Putting;

/// Room in a queue for one item: it dereferences to the bytes that are to be filled.
///
/// [`commit`](Reservation::commit) puts the item; dropping this puts nothing. What the bytes are at
/// first is not said. The receiver gets them by [`get_ref`](crate::Receiver::get_ref) or
/// [`get_bytes`](crate::Receiver::get_bytes), or, if they are the encoding of a `T`, by `get`.
///
/// While a reservation is open, other producers wait, up to their deadline; consumers do not. If this
/// process dies, the item was never there.
///
/// # Examples
///
/// ```
/// use queues::Queue;
///
/// let queue = Queue::<()>::bounded(10)?;
/// let mut room = queue.reserve(4)?;
/// room.copy_from_slice(b"abcd");
/// room.commit();
/// assert_eq!(&*queue.get_ref()?, b"abcd");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "nothing is put if the reservation is dropped"]
pub struct Reservation<'a> {
    putting: Putting<'a>,
    unit: u32,
    bytes: NonNull<[u8]>,
}

// SAFETY: a shared reference gives shared access to the bytes only; the guard in it stays here.
unsafe impl Sync for Reservation<'_> {}

impl<'a> Reservation<'a> {
    pub(crate) fn new(putting: Putting<'a>, unit: u32, bytes: NonNull<[u8]>) -> Reservation<'a> {
        Reservation { putting, unit, bytes }
    }

    /// Puts the item. It is then in shared memory and outlives this process.
    pub fn commit(self) {
        let len = self.bytes.len();
        self.putting.commit_place(self.unit, len);
    }
}

impl Deref for Reservation<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the bytes lie in the ring, which is mapped while the queue is borrowed, behind the
        // tail; the producers' lock, which `putting` holds, keeps everybody else from there.
        unsafe { self.bytes.as_ref() }
    }
}

impl DerefMut for Reservation<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and the reservation is borrowed mutably.
        unsafe { self.bytes.as_mut() }
    }
}

impl fmt::Debug for Reservation<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reservation").field("len", &self.len()).finish_non_exhaustive()
    }
}
