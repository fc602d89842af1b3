//! The receiving half of a queue.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::end::End;
use crate::error::GetError;
use crate::forms::{gets, looks};
use crate::items::Items;

/// The end of a queue that items are taken from.
///
/// Clones, and those in other processes, are receivers of the same queue: each item goes to one of
/// them. See [`Sender`](crate::Sender) for the end of the stream.
///
/// # Examples
///
/// ```
/// use queues::{GetError, Queue};
///
/// let (sender, receiver) = Queue::<String>::unbounded()?.split();
/// sender.put("last".to_string())?;
/// drop(sender);
/// assert_eq!(receiver.get()?, "last");
/// assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Receiver<T> {
    pub(crate) end: Arc<End>,
    item: PhantomData<fn() -> T>,
}

impl<T> Receiver<T> {
    pub(crate) fn new(end: Arc<End>) -> Receiver<T> {
        Receiver { end, item: PhantomData }
    }

    pub(crate) fn receiving(&self) -> &End {
        &self.end
    }

    gets!();
    looks!(receiving);

    /// True if the queue is closed or shut down. What is left can be taken, if it is only closed.
    pub fn is_closed(&self) -> bool {
        self.end.control().fixed.closed() != 0
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Receiver::new(self.end.clone())
    }
}

impl<'a, T: DeserializeOwned> IntoIterator for &'a Receiver<T> {
    type Item = Result<T, GetError>;
    type IntoIter = Items<'a, T>;

    fn into_iter(self) -> Items<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receiver").field("len", &self.len()).finish_non_exhaustive()
    }
}
