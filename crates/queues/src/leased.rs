//! An item that goes back to its queue unless it is done.

use std::fmt;
use std::ops::Deref;

use crate::out::Lent;

/// An item that this consumer works on, and that goes back to the queue unless it is
/// [acknowledged](Leased::acknowledge): when this is dropped, and when the thread or its process
/// dies. It dereferences to its value.
///
/// So each item is delivered at least once. Who does the work and dies before it acknowledges has it
/// done again by another; [`deliveries`](Leased::deliveries) tells. Items that came back are the next
/// to be given out. Consumers that wait in `get` or [`wait`](crate::wait()) are given them at once; a
/// descriptor that is polled ([`AsFd`](std::os::fd::AsFd)) does not tell of an item whose consumer
/// died.
///
/// A leased item keeps the room of those taken after it, so it takes memory as a backlog would. A
/// thread holds 63 of these, borrowed items and locks at most, and all consumers together 120.
///
/// # Examples
///
/// ```
/// use queues::Queue;
///
/// let queue = Queue::unbounded()?;
/// queue.put("precious".to_string())?;
/// drop(queue.get_leased()?); // As if this consumer had died.
/// let again = queue.get_leased()?;
/// assert_eq!((again.as_str(), again.deliveries()), ("precious", 2));
/// assert_eq!(again.acknowledge(), "precious");
/// assert!(queue.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "an item that is dropped without being acknowledged goes back to the queue"]
pub struct Leased<'a, T> {
    lent: Lent<'a>,
    value: T,
}

impl<'a, T> Leased<'a, T> {
    pub(crate) fn new(lent: Lent<'a>, value: T) -> Leased<'a, T> {
        Leased { lent, value }
    }

    /// Says that the item is done, which in a joinable queue is its `task_done`, and gives the value.
    pub fn acknowledge(self) -> T {
        self.lent.finish();
        self.value
    }

    /// How often the item has been given out, this time included.
    pub fn deliveries(&self) -> u32 {
        self.lent.deliveries()
    }
}

impl<T> Deref for Leased<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Leased<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Leased").field(&self.value).finish()
    }
}
