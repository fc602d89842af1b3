//! A queue with the few operations that most programs need.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use crate::end::End;
use crate::forms::forms;
use crate::queue::Queue;

/// A queue without a bound, to put into and to take from.
///
/// The same as an unbounded [`Queue`], and as durable, with fewer operations.
///
/// # Examples
///
/// ```
/// use queues::SimpleQueue;
///
/// let queue = SimpleQueue::new()?;
/// queue.put("job".to_string())?;
/// assert_eq!(queue.get()?, "job");
/// queue.close();
/// assert!(queue.put("late".to_string()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct SimpleQueue<T>(Queue<T>);

impl<T> SimpleQueue<T> {
    /// An empty queue.
    ///
    /// # Errors
    ///
    /// As [`Queue::unbounded`].
    pub fn new() -> io::Result<SimpleQueue<T>> {
        Queue::unbounded().map(SimpleQueue)
    }

    forms! {
        /// Puts an item. There is always room, while there is memory.
        ///
        /// # Errors
        ///
        /// With the item, as [`Queue::put`].
        [put try_put put_timeout put_deadline] where T: serde::Serialize;
        (self, item: T) -> Result<(), crate::PutError<T>>,
        patience => self.sending().put_value(item, patience)
    }

    forms! {
        /// Takes an item, waiting until there is one.
        ///
        /// # Errors
        ///
        /// As [`Queue::get`].
        [get try_get get_timeout get_deadline] where T: serde::de::DeserializeOwned;
        (self) -> Result<T, crate::GetError>,
        patience => self.receiving().get_value(patience)
    }

    /// True if there is no item at this instant.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From now on, nothing can be put. What is there can be had.
    pub fn close(&self) {
        self.0.close();
    }

    pub(crate) fn sending(&self) -> &End {
        self.0.sending()
    }

    pub(crate) fn receiving(&self) -> &End {
        self.0.receiving()
    }
}

impl<T> Clone for SimpleQueue<T> {
    fn clone(&self) -> Self {
        SimpleQueue(self.0.clone())
    }
}

impl<T> fmt::Debug for SimpleQueue<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SimpleQueue").field(&self.0).finish()
    }
}
