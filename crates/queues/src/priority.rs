//! A queue that gives out the smallest first.
//!
//! The truth is in the items: each begins at a chunk of shared memory whose record says that it is
//! there. One store makes an item, another one takes it away, both under one robust lock. Which item
//! is next and which chunks are free is remembered besides, and built anew from the items when the
//! lock comes from somebody who died. So no death can leave the order, the count or the memory wrong.

mod adding;
mod chunks;
mod control;
mod heap;
mod memory;
mod putting;
mod removing;
mod repair;
mod size;
pub(crate) mod store;
mod taking;
#[cfg(all(test, not(loom)))]
mod tests;
mod transfer;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::GetError;
use crate::forms::forms;
use crate::items::Items;
use size::Size;
use store::Store;

/// A queue between any processes that gives out the item with the smallest priority first.
///
/// Items of the same priority come out in the order in which they were put. Every handle, in whatever
/// process, puts and takes. Clone it, send it as an argument, over a connection, through another
/// queue. The memory goes with the last one. The stream ends when somebody
/// [closes](PriorityQueue::close) the queue.
///
/// Putting and taking cost more than with a [`Queue`](crate::Queue), the more items there are, and
/// producers and consumers wait for each other: there is one lock.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | a producer in `put` | the whole item is there, or nothing of it |
/// | a producer after `put` | nothing: what it has put is there |
/// | a consumer in `get` | the item is there, or was taken for it, and died with it |
/// | anybody | others go on; no lock and no room is lost |
///
/// If it died in the middle of an operation, the next one looks through all items first, which takes
/// a moment if there are millions. One that is *stopped* there holds up the others: they wait, up to
/// their deadline, and forms that do not wait say [`Stalled`](GetError::Stalled) after a second.
///
/// # Memory
///
/// An item of up to 96 bytes takes 128, and each 112 bytes more another 128. What a backlog took is
/// given back when the queue is drained. Items longer than 16 MiB lie in a memory file each. These and
/// items with descriptors wait for room when there are about a hundred of them, whatever the bound;
/// how many depends on the system.
///
/// # Examples
///
/// ```
/// use procspawn_core::Process;
/// use queues::PriorityQueue;
///
/// fn plan(jobs: PriorityQueue<String>) {
///     jobs.put(10, "sweep the floor".to_string()).expect("it is not closed");
///     jobs.put(1, "put out the fire".to_string()).expect("it is not closed");
///     jobs.close();
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # procspawn_core::init();
/// let jobs = PriorityQueue::unbounded()?;
/// Process::new(plan, (jobs.clone(),)).start()?.join()?;
/// assert_eq!(jobs.get_with_priority()?, (1, "put out the fire".to_string()));
/// assert_eq!(jobs.iter().collect::<Result<Vec<_>, _>>()?, ["sweep the floor"]);
/// # Ok(())
/// # }
/// ```
pub struct PriorityQueue<T> {
    store: Arc<Store>,
    item: PhantomData<fn(T) -> T>,
}

impl<T> PriorityQueue<T> {
    /// A queue of at most so many items. Its memory comes as it is needed, and is given back.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for 0 and for more than 2³¹ − 1; no memory, or no room for three more open
    /// files.
    pub fn bounded(items: usize) -> io::Result<PriorityQueue<T>> {
        PriorityQueue::with_size(Size::of_items(items)?)
    }

    /// A queue that is bounded by nothing but memory (and 32 GiB).
    ///
    /// # Errors
    ///
    /// No memory, or no room for three more open files.
    pub fn unbounded() -> io::Result<PriorityQueue<T>> {
        PriorityQueue::with_size(Size::of_no_bound())
    }

    fn with_size(size: Size) -> io::Result<PriorityQueue<T>> {
        Store::new(size).map(PriorityQueue::new)
    }

    fn new(store: Store) -> PriorityQueue<T> {
        PriorityQueue { store: Arc::new(store), item: PhantomData }
    }

    forms! {
        /// Puts an item, waiting for room. Items with smaller numbers are taken before it.
        ///
        /// When this returns, the item is in shared memory and outlives this process. If this
        /// process dies in between, the whole item is there or nothing of it.
        ///
        /// # Errors
        ///
        /// With the item: see [`PutErrorKind`](crate::PutErrorKind). One that cannot be encoded
        /// changes nothing for others.
        #[inline]
        [put try_put put_timeout put_deadline] where T: serde::Serialize;
        (self, priority: i64, item: T) -> Result<(), crate::PutError<T>>,
        patience => self.store.put_value(priority, item, patience)
    }

    forms! {
        /// Puts many items with their priorities, a batch under one lock: quicker than one by one.
        ///
        /// # Errors
        ///
        /// With those that have not been put, the one with the error first.
        [put_many try_put_many put_many_timeout put_many_deadline] where T: serde::Serialize;
        (self, items: impl IntoIterator<Item = (i64, T)>)
            -> Result<(), crate::PutError<Vec<(i64, T)>>>,
        patience => self.store.put_values(items, patience)
    }

    forms! {
        /// Takes the item with the smallest priority, waiting until there is one.
        ///
        /// If this process dies in here, the item is lost only if it had been taken for it.
        ///
        /// # Errors
        ///
        /// [`Disconnected`](GetError::Disconnected) once the queue is closed and drained;
        /// [`Decode`](GetError::Decode) if the item is no `T`; see [`GetError`].
        #[inline]
        [get try_get get_timeout get_deadline] where T: serde::de::DeserializeOwned;
        (self) -> Result<T, GetError>,
        patience => self.store.get_value(patience).map(|(_, item)| item)
    }

    forms! {
        /// Takes the item with the smallest priority, and says which that is.
        ///
        /// # Errors
        ///
        /// As [`get`](Self::get).
        #[inline]
        [get_with_priority try_get_with_priority get_with_priority_timeout
            get_with_priority_deadline]
        where T: serde::de::DeserializeOwned;
        (self) -> Result<(i64, T), GetError>,
        patience => self.store.get_value(patience)
    }

    forms! {
        /// Takes what is there, `max` items at most, in their order, waiting until there is one:
        /// quicker than one by one. It may be fewer than there are.
        ///
        /// # Errors
        ///
        /// As [`get`](Self::get), with the items that could be had.
        [get_many try_get_many get_many_timeout get_many_deadline]
        where T: serde::de::DeserializeOwned;
        (self, max: usize) -> Result<Vec<T>, crate::GetManyError<T>>,
        patience => self.store.get_values(max, patience)
    }

    /// The items, as they come, up to the end of the stream. An error about one item
    /// ([`GetError::is_about_item`]) is followed by the next one; any other is the last.
    pub fn iter(&self) -> Items<'_, T>
    where
        T: DeserializeOwned,
    {
        Items::of_priority(&self.store)
    }

    /// How many items there are at this instant.
    pub fn len(&self) -> usize {
        self.store.len() as usize
    }

    /// True if there is no item at this instant.
    pub fn is_empty(&self) -> bool {
        self.store.len() == 0
    }

    /// True if the queue has as many items as it can at this instant, or no room for a short one.
    pub fn is_full(&self) -> bool {
        self.store.is_full()
    }

    /// The most items that it can have; `None` if it is not bounded.
    pub fn capacity(&self) -> Option<usize> {
        let items = self.store.memory.size().items;
        (items != u32::MAX).then_some(items as usize)
    }

    /// Ends the queue for all producers: from now on nothing can be put. Consumers get what is there,
    /// then [`Disconnected`](GetError::Disconnected). Idempotent.
    pub fn close(&self) {
        self.store.close();
    }

    /// True if the queue is closed or shut down.
    pub fn is_closed(&self) -> bool {
        self.store.control().fixed.closed() != 0
    }

    /// Ends the queue for all, at once: what is queued is thrown away, and from now on nothing can be
    /// put or taken.
    ///
    /// # Errors
    ///
    /// If the lock cannot be had; nothing can be taken then either, but the memory stays.
    pub fn shutdown(&self) -> Result<(), GetError> {
        self.store.shut_down()
    }
}

/// Readable while there is something to get or the queue is closed; for `poll`, `epoll` and runtimes.
///
/// It may be registered once for many items, and falls silent when this handle or a clone of it finds
/// nothing by a form that does not wait, such as `try_get`. Calling this looks anew.
impl<T> AsFd for PriorityQueue<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.store.give_out()
    }
}

impl<T> PriorityQueue<T> {
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

impl<T> Clone for PriorityQueue<T> {
    fn clone(&self) -> Self {
        PriorityQueue { store: self.store.clone(), item: PhantomData }
    }
}

impl<T> Serialize for PriorityQueue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.store.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for PriorityQueue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Store::deserialize(deserializer).map(PriorityQueue::new)
    }
}

impl<'a, T: DeserializeOwned> IntoIterator for &'a PriorityQueue<T> {
    type Item = Result<T, GetError>;
    type IntoIter = Items<'a, T>;

    fn into_iter(self) -> Items<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for PriorityQueue<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("PriorityQueue");
        debug.field("len", &self.len()).field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}
