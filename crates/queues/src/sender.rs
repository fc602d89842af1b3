//! The sending half of a queue.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::end::End;
use crate::forms::{looks, puts};

/// The end of a queue that items are put into.
///
/// Clones, and those in other processes, are senders of the same queue. When the last one of all is
/// gone, dropped or with its process, consumers get what is there and then the end of the stream.
/// When the last [`Receiver`](crate::Receiver) is gone, putting is an error: at once if it was
/// dropped, and if it was killed, at the latest when there is no room.
///
/// A forked child has copies of all handles of its parent, and so a stream does not end while it
/// lives. The other start methods know no such copies.
///
/// # Examples
///
/// ```
/// use queues::Queue;
///
/// let (sender, receiver) = Queue::bounded(10)?.split();
/// let another = sender.clone(); // Send it to another process; it is a value like any other.
/// sender.put(1)?;
/// another.put(2)?;
/// drop((sender, another));
/// assert_eq!(receiver.iter().collect::<Result<Vec<i32>, _>>()?, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sender<T> {
    pub(crate) end: Arc<End>,
    item: PhantomData<fn(T)>,
}

impl<T> Sender<T> {
    pub(crate) fn new(end: Arc<End>) -> Sender<T> {
        Sender { end, item: PhantomData }
    }

    pub(crate) fn sending(&self) -> &End {
        &self.end
    }

    puts!();
    looks!(sending);
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender::new(self.end.clone())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sender").field("len", &self.len()).finish_non_exhaustive()
    }
}
