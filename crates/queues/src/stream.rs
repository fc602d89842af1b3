//! A receiver as a stream, for any runtime: the one thread of [`ipc_pipe::reactor`] wakes it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use ipc_pipe::reactor::Watch;
use serde::de::DeserializeOwned;

use crate::error::GetError;
use crate::receiver::Receiver;

impl<T> Receiver<T> {
    /// The items as a `Stream`, up to the end of the queue's. It is one more receiver of the queue.
    pub fn stream(&self) -> GetStream<T> {
        GetStream { receiver: self.clone(), watch: None, has_ended: false }
    }
}

/// The items of a queue, as they come; made by [`Receiver::stream`].
///
/// It runs under any runtime: a thread of this process, shared by all streams and futures of this
/// kind, waits for the queue's [descriptor](Receiver::ready_fd). The first of them starts it, and a
/// process with threads cannot be forked safely.
///
/// An item is taken when the stream is polled, so a stream that is dropped has taken nothing that was
/// not given. Several streams, and receivers of any kind, share what comes.
///
/// An error about one item ([`GetError::is_about_item`]) and [`GetError::Stalled`] are followed by the
/// next item; any other is the last.
///
/// Of an item that comes back because the consumer that had [leased](crate::Leased) it died, a stream
/// is told only with the next one.
///
/// # Examples
///
/// ```
/// use queues::Queue;
///
/// async fn add(sums: &mut queues::GetStream<u32>) -> Result<u32, queues::GetError> {
///     let mut sum = 0;
///     while let Some(number) = sums.next().await {
///         sum += number?;
///     }
///     Ok(sum)
/// }
///
/// let (sender, receiver) = Queue::bounded(10)?.split();
/// sender.put_many([1, 2, 3])?;
/// drop(sender);
/// let mut stream = receiver.stream();
/// let future = add(&mut stream);
/// # use std::task::{Context, Poll, Waker};
/// # let polled = Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop()));
/// # assert!(matches!(polled, Poll::Ready(Ok(6))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct GetStream<T> {
    receiver: Receiver<T>,
    /// Set while somebody waits.
    watch: Option<Watch>,
    has_ended: bool,
}

impl<T: DeserializeOwned> GetStream<T> {
    /// The next item; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Result<T, GetError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<T: DeserializeOwned> Stream for GetStream<T> {
    type Item = Result<T, GetError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let item = match self.receiver.try_get() {
            Err(GetError::Empty) => match self.watch(context) {
                Ok(()) => return Poll::Pending,
                Err(error) => Err(error.into()),
            },
            item => item,
        };
        self.has_ended = item.as_ref().is_err_and(is_last);
        Poll::Ready(if matches!(item, Err(GetError::Disconnected)) { None } else { Some(item) })
    }
}

impl<T> GetStream<T> {
    /// Has the task woken. What comes before the watch is there makes the descriptor readable, since
    /// `try_get` has armed it, or making the watch does.
    fn watch(&mut self, context: &Context<'_>) -> io::Result<()> {
        if !self.watch.as_ref().is_some_and(|watch| watch.wake(context.waker())) {
            self.watch = Some(Watch::new(self.receiver.ready_fd()?, context.waker())?);
        }
        Ok(())
    }
}

fn is_last(error: &GetError) -> bool {
    !error.is_about_item() && !matches!(error, GetError::Stalled)
}

impl<T> fmt::Debug for GetStream<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("GetStream");
        debug.field("receiver", &self.receiver).field("has_ended", &self.has_ended).finish()
    }
}
