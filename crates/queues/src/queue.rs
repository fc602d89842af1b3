//! A queue as one handle, for both putting and taking.

use std::fmt;
use std::io;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::end::{End, pair};
use crate::error::GetError;
use crate::forms::{gets, looks, puts};
use crate::items::Items;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::shape::Shape;

/// A queue of items between any processes: many producers, many consumers, first in, first out.
///
/// Every handle, in whatever process, puts and takes. Clone it, send it as an argument, over a
/// connection, through another queue. The memory goes with the last one. With a handle that can put
/// there is no end of the stream, unless somebody [closes](Queue::close) the queue; for that, and to
/// say who does what, [`split`](Queue::split) it.
///
/// | made by | holds |
/// |---|---|
/// | [`bounded`](Queue::bounded) | so many items, of any size |
/// | [`bounded_bytes`](Queue::bounded_bytes) | as much as fits into so many bytes |
/// | [`unbounded`](Queue::unbounded) | as much as there is memory |
///
/// # Order
///
/// Items that one thread puts are taken in that order. Between producers the order is that in which
/// they were put.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | a producer in `put` | the whole item is there, or nothing of it |
/// | a producer after `put` | nothing: what it has put is there |
/// | a consumer in `get` | the item is there, or was taken for it, and died with it |
/// | a consumer with a [lease](Queue::get_leased) | the item is given to another |
/// | anybody | others go on at once; no lock and no room is lost |
///
/// One that is *stopped* in the middle of an operation holds up those on its side: they wait, up to
/// their deadline, and forms that do not wait say [`Stalled`](crate::PutErrorKind::Stalled) after a
/// second. The other side goes on.
///
/// # Examples
///
/// ```
/// use procspawn_core::Process;
/// use queues::Queue;
///
/// fn produce(numbers: Queue<u64>) {
///     for number in 1..=3 {
///         numbers.put(number).expect("somebody takes them");
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # procspawn_core::init();
/// let numbers = Queue::bounded(2)?;
/// let process = Process::new(produce, (numbers.clone(),)).start()?;
/// assert_eq!([numbers.get()?, numbers.get()?, numbers.get()?], [1, 2, 3]);
/// process.join()?;
/// # Ok(())
/// # }
/// ```
pub struct Queue<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
}

impl<T> Queue<T> {
    /// A queue of at most so many items. Its memory comes as it is needed, and is given back.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for 0 and for more than 2³¹ − 1; no memory, or no room for five more open
    /// files.
    pub fn bounded(items: usize) -> io::Result<Queue<T>> {
        Queue::with_shape(Shape::of_items(items)?)
    }

    /// A queue of as many items as fit into so many bytes, which are set aside at once: putting
    /// into it never fails for want of memory.
    ///
    /// An item takes 8 bytes besides its own, rounded up to 16. Items longer than half of it lie
    /// elsewhere, in a memory file each.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for 0 and for more than 32 GiB; no memory, or no room for five more open files.
    pub fn bounded_bytes(bytes: usize) -> io::Result<Queue<T>> {
        Queue::with_shape(Shape::of_bytes(bytes)?)
    }

    /// A queue that is bounded by nothing but memory (and 32 GiB). What a backlog took is given back
    /// when it is drained.
    ///
    /// # Errors
    ///
    /// No memory, or no room for five more open files.
    pub fn unbounded() -> io::Result<Queue<T>> {
        Queue::with_shape(Shape::of_no_bound())
    }

    pub(crate) fn with_shape(shape: Shape) -> io::Result<Queue<T>> {
        let (sending, receiving) = pair(shape)?;
        Ok(Queue::new(Arc::new(sending), Arc::new(receiving)))
    }

    pub(crate) fn new(sending: Arc<End>, receiving: Arc<End>) -> Queue<T> {
        Queue { sender: Sender::new(sending), receiver: Receiver::new(receiving) }
    }

    /// The two halves, so that each side notices when the other is gone.
    #[must_use]
    pub fn split(self) -> (Sender<T>, Receiver<T>) {
        (self.sender, self.receiver)
    }

    /// A sending half. This handle is a sender, too, as long as it lives.
    #[must_use]
    pub fn sender(&self) -> Sender<T> {
        self.sender.clone()
    }

    /// A receiving half. This handle is a receiver, too, as long as it lives.
    #[must_use]
    pub fn receiver(&self) -> Receiver<T> {
        self.receiver.clone()
    }

    pub(crate) fn sending(&self) -> &End {
        &self.sender.end
    }

    pub(crate) fn receiving(&self) -> &End {
        &self.receiver.end
    }

    puts!();
    gets!();
    looks!(receiving);
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { sender: self.sender.clone(), receiver: self.receiver.clone() }
    }
}

impl<'a, T: DeserializeOwned> IntoIterator for &'a Queue<T> {
    type Item = Result<T, GetError>;
    type IntoIter = Items<'a, T>;

    fn into_iter(self) -> Items<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Queue");
        debug.field("len", &self.len()).field("capacity", &self.capacity()).finish_non_exhaustive()
    }
}
