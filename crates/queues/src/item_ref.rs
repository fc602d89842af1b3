//! An item that is read where it lies.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::OwnedFd;

use serde::de::DeserializeOwned;

use crate::error::GetError;
use crate::out::Lent;
use crate::parcel::unpack;

/// An item that has been taken out of its queue and is read where it lies, in shared memory: it
/// dereferences to its bytes.
///
/// They are the encoding of a `T` (postcard), or what [`put_bytes`](crate::Sender::put_bytes) or a
/// [`Reservation`](crate::Reservation) has put. Dropping it gives the room back. Until then, room
/// that is taken after it is not used again either; so it is for work that takes moments.
///
/// If this process dies, the item is lost, as any that has been taken. A thread holds 63 of these,
/// [leases](crate::Leased) and locks at most, and all consumers of a queue together 120.
///
/// A process that heeds no rules could change the bytes meanwhile.
///
/// # Examples
///
/// ```
/// use queues::Queue;
///
/// let queue = Queue::<String>::unbounded()?;
/// queue.put_bytes(b"raw")?;
/// queue.put("text".to_string())?;
/// assert_eq!(&*queue.get_ref()?, b"raw");
/// assert_eq!(queue.get_ref()?.decode()?, "text");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ItemRef<'a, T> {
    lent: Lent<'a>,
    descriptors: Vec<OwnedFd>,
    item: PhantomData<fn() -> T>,
}

impl<'a, T> ItemRef<'a, T> {
    pub(crate) fn new((lent, descriptors): (Lent<'a>, Vec<OwnedFd>)) -> ItemRef<'a, T> {
        ItemRef { lent, descriptors, item: PhantomData }
    }

    /// Decodes the item. In a hostile process's hands, the bytes may change while this reads them:
    /// they are copied first.
    ///
    /// # Errors
    ///
    /// [`GetError::Decode`] if the bytes are no encoded `T`.
    pub fn decode(self) -> Result<T, GetError>
    where
        T: DeserializeOwned,
    {
        let copy = self.lent.bytes().to_vec();
        unpack(&copy, self.descriptors)
    }
}

impl<T> Deref for ItemRef<'_, T> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.lent.bytes()
    }
}

impl<T> fmt::Debug for ItemRef<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ItemRef").field("len", &self.len()).finish_non_exhaustive()
    }
}
