//! The values of a receiver as an iterator.

use serde::de::DeserializeOwned;

use crate::error::RecvError;
use crate::receiver::Receiver;

/// The values that arrive at a receiver; made by [`Receiver::iter`] and by `for value in receiver`.
///
/// It waits for each value and ends when the other end is closed or dead. An error after which the
/// connection is still good is an item among others; one after which it is not is the last item.
///
/// # Examples
///
/// ```
/// let (receiver, mut sender) = ipc_pipe::pipe::<u32>()?;
/// for number in 1..=3 {
///     sender.send(&number)?;
/// }
/// drop(sender);
/// assert_eq!(receiver.into_iter().sum::<Result<u32, _>>()?, 6);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Values<R> {
    receiver: R,
    ended: bool,
}

impl<R> Values<R> {
    pub(crate) fn of(receiver: R) -> Values<R> {
        Values { receiver, ended: false }
    }

    fn next_of<T: DeserializeOwned>(
        ended: &mut bool,
        receiver: &mut Receiver<T>,
    ) -> Option<Result<T, RecvError>> {
        if *ended {
            return None;
        }
        let (item, last) = receiver.next_or_last();
        *ended = last;
        if let Err(RecvError::Disconnected) = item { None } else { Some(item) }
    }
}

impl<T: DeserializeOwned> Iterator for Values<Receiver<T>> {
    type Item = Result<T, RecvError>;

    fn next(&mut self) -> Option<Self::Item> {
        Self::next_of(&mut self.ended, &mut self.receiver)
    }
}

impl<T: DeserializeOwned> Iterator for Values<&mut Receiver<T>> {
    type Item = Result<T, RecvError>;

    fn next(&mut self) -> Option<Self::Item> {
        Self::next_of(&mut self.ended, self.receiver)
    }
}

impl<T: DeserializeOwned> IntoIterator for Receiver<T> {
    type Item = Result<T, RecvError>;
    type IntoIter = Values<Receiver<T>>;

    fn into_iter(self) -> Self::IntoIter {
        Values::of(self)
    }
}

impl<'a, T: DeserializeOwned> IntoIterator for &'a mut Receiver<T> {
    type Item = Result<T, RecvError>;
    type IntoIter = Values<&'a mut Receiver<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
