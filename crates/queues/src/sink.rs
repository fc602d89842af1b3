//! A sender as a sink, for any runtime.
//!
//! Nothing tells by a descriptor that there is room, since whoever waits for it waits for as much as
//! its own item needs. So an item that finds none is given to a thread, which waits for room as any
//! producer does and puts the item itself: room that it was woken for does not go to waste while the
//! task is on its way.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use futures_sink::Sink;
use ipc_pipe::carry;
use serde::Serialize;
use sync_primitives::{Event, Watch, wait_any};

use crate::end::End;
use crate::error::{PutError, PutErrorKind};
use crate::gate::LOOK;
use crate::parcel::{Parcel, pack_bytes};
use crate::patience::Patience;
use crate::sender::Sender;

impl<T> Sender<T> {
    /// This sender as a `Sink`. It is one more sender of the queue, until it is closed or dropped.
    pub fn sink(&self) -> PutSink<T> {
        PutSink { end: Some(self.end.clone()), helper: None, item: PhantomData }
    }
}

/// A sink that puts items into a queue; made by [`Sender::sink`].
///
/// While there is room it puts each item at once. An item for which there is none is encoded and
/// handed to a thread, one for each sink that has met a full queue, which puts it when there is room.
/// Until then the sink takes no other item, so it is never more than one ahead of the queue. Flushing
/// waits for that one. The thread ends with the sink; a process with threads cannot be forked safely.
///
/// Closing the sink flushes it and lets go of its sender; the queue stays open for other senders. If
/// the sink is dropped instead, an item that still waits for room is lost.
///
/// # Examples
///
/// ```
/// use queues::{PutError, PutSink, Queue};
///
/// async fn count(numbers: &mut PutSink<u32>) -> Result<(), PutError<()>> {
///     for number in 1..=3 {
///         numbers.put(number).await?;
///     }
///     Ok(())
/// }
///
/// let (sender, receiver) = Queue::bounded(10)?.split();
/// let mut sink = sender.sink();
/// let future = count(&mut sink);
/// # use std::task::{Context, Poll, Waker};
/// # let polled = Box::pin(future).as_mut().poll(&mut Context::from_waker(Waker::noop()));
/// # assert!(matches!(polled, Poll::Ready(Ok(()))));
/// assert_eq!(receiver.get_many(10)?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "sinks do nothing unless polled"]
pub struct PutSink<T> {
    /// None once the sink is closed.
    end: Option<Arc<End>>,
    helper: Option<Helper>,
    item: PhantomData<fn(T)>,
}

impl<T: Serialize> PutSink<T> {
    /// Puts an item: returns when it is in the queue.
    ///
    /// If the future is dropped, the item may be put or not.
    ///
    /// # Errors
    ///
    /// As [`Sender::put`], without the item.
    pub async fn put(&mut self, item: T) -> Result<(), PutError<()>> {
        poll_fn(|context| self.poll_waiting(context)).await?;
        self.start(&item)?;
        poll_fn(|context| self.poll_waiting(context)).await
    }

    fn start(&mut self, item: &T) -> Result<(), PutError<()>> {
        self.try_start(item).map_err(|kind| PutError::new((), kind))
    }

    fn try_start(&mut self, item: &T) -> Result<(), PutErrorKind> {
        let end = self.end.clone().ok_or(PutErrorKind::Closed)?;
        if self.own_helper().is_some_and(|helper| helper.desk.lock().is_busy) {
            return Err(PutErrorKind::Full);
        }
        let (mut bytes, mut descriptors) = (Vec::new(), Vec::new());
        carry::encode(item, &mut bytes, &mut descriptors)?;
        let copies = descriptors.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?;
        let longest = end.shared.ring.shape().longest();
        match pack_bytes(&bytes, copies, longest, |parcel| end.put(parcel, Patience::None)) {
            Err(PutErrorKind::Full | PutErrorKind::Stalled) => {
                self.hand_over(end, Job { bytes, descriptors }).map_err(PutErrorKind::Io)
            }
            result => result,
        }
    }
}

impl<T> PutSink<T> {
    /// Waits until no item waits for room.
    fn poll_waiting(&mut self, context: &Context<'_>) -> Poll<Result<(), PutError<()>>> {
        let Some(helper) = self.own_helper() else { return Poll::Ready(Ok(())) };
        let mut state = helper.desk.lock();
        if let Some(kind) = state.failed.take() {
            return Poll::Ready(Err(PutError::new((), kind)));
        }
        if !state.is_busy {
            return Poll::Ready(Ok(()));
        }
        let before = state.waker.replace(context.waker().clone());
        // What belongs to somebody else is dropped without the lock.
        drop(state);
        drop(before);
        Poll::Pending
    }

    fn hand_over(&mut self, end: Arc<End>, job: Job) -> io::Result<()> {
        let helper = match self.helper.take() {
            Some(helper) if helper.is_own() && helper.is_alive() => helper,
            _ => Helper::start(end)?,
        };
        helper.desk.lock().is_busy = true;
        let sent = helper.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        self.helper = Some(helper);
        // It has panicked just now, and the hook has told of it.
        if sent { Ok(()) } else { Err(io::Error::other("the sink's thread has ended")) }
    }

    /// The thread, unless it was left in a process of which this is a forked child.
    fn own_helper(&self) -> Option<&Helper> {
        self.helper.as_ref().filter(|helper| helper.is_own())
    }
}

impl<T: Serialize> Sink<T> for PutSink<T> {
    type Error = PutError<()>;

    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), PutError<()>>> {
        self.poll_waiting(context)
    }

    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), PutError<()>> {
        self.start(&item)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), PutError<()>>> {
        self.poll_waiting(context)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), PutError<()>>> {
        let flushed = self.poll_waiting(context);
        if flushed.is_ready() {
            self.helper = None;
            self.end = None;
        }
        flushed
    }
}

impl<T> fmt::Debug for PutSink<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("PutSink");
        debug.field("is_closed", &self.end.is_none()).finish_non_exhaustive()
    }
}

/// An encoded item that waits for room.
#[derive(Debug)]
struct Job {
    bytes: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

/// What sink and thread share.
#[derive(Debug)]
struct Desk {
    state: Mutex<State>,
    /// The sink is gone: nothing is put any more.
    over: Event,
}

#[derive(Debug, Default)]
struct State {
    /// An item waits.
    is_busy: bool,
    /// Why the last one could not be put.
    failed: Option<PutErrorKind>,
    waker: Option<Waker>,
}

/// The thread of a sink.
#[derive(Debug)]
struct Helper {
    desk: Arc<Desk>,
    /// Taken when the thread is to end.
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The process that has the thread.
    owner: u32,
}

impl Helper {
    fn start(end: Arc<End>) -> io::Result<Helper> {
        let desk = Arc::new(Desk { state: Mutex::default(), over: Event::new() });
        let (jobs, to_do) = mpsc::channel();
        let there = desk.clone();
        let thread = Builder::new().name("multiproc-sink".into());
        let thread = thread.spawn(move || {
            to_do
                .iter()
                .for_each(|job: Job| there.finish(put_when_there_is_room(&end, job, &there.over)));
        })?;
        Ok(Helper { desk, jobs: Some(jobs), thread: Some(thread), owner: std::process::id() })
    }

    fn is_own(&self) -> bool {
        self.owner == std::process::id()
    }

    /// False if a waker has panicked on it.
    fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if !self.is_own() {
            // There is no thread to end, and asking for one would hang.
            std::mem::forget(self.thread.take());
            return;
        }
        self.desk.over.set();
        drop(self.jobs.take());
        // If it has panicked, the hook has told of it.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, result: Result<(), PutErrorKind>) {
        let mut state = self.lock();
        state.is_busy = false;
        state.failed = result.err();
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn put_when_there_is_room(end: &End, job: Job, over: &Event) -> Result<(), PutErrorKind> {
    let longest = end.shared.ring.shape().longest();
    pack_bytes(&job.bytes, job.descriptors, longest, |parcel| put_unless_over(end, parcel, over))
}

fn put_unless_over(end: &End, parcel: &Parcel<'_>, over: &Event) -> Result<(), PutErrorKind> {
    let gate = &*end.control().room;
    loop {
        let announced = gate.announce();
        match end.put(parcel, Patience::None) {
            Err(PutErrorKind::Full | PutErrorKind::Stalled) => {}
            result => return result,
        }
        if end.is_left_alone() {
            return Err(PutErrorKind::Disconnected);
        }
        let watches = [Watch::word(gate.word(), announced), Watch::event(over)];
        // There are fewer than one wait can name; it may end early in any case.
        let _ = wait_any(&watches, Some(Instant::now() + LOOK));
        if over.is_set() {
            // What we may have been woken for is there for another.
            gate.wake(1);
            return Err(PutErrorKind::Full);
        }
    }
}
