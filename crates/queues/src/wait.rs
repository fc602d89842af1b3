//! Waiting for any of several things: queues, descriptors, events.
//!
//! The kernel has one call that sleeps by descriptors and another that sleeps by words in memory, and
//! none for both. Queues and descriptors need the first only. With events besides, a thread that lives
//! as long as the call sleeps by their words and makes a descriptor readable.
//!
//! Nothing is given back as ready because a descriptor said so: after each sleep everything is looked
//! at again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

#[cfg(not(loom))]
use sync_primitives::handles;
use sync_primitives::{Event, Watch, wait_any};

use crate::beside::{AT_ONCE, beside};
use crate::end::End;
use crate::gate::LOOK;
use crate::joinable::JoinableQueue;
use crate::priority::PriorityQueue;
use crate::priority::store::Store;
use crate::queue::Queue;
use crate::ready::Look;
use crate::receiver::Receiver;
use crate::simple::SimpleQueue;

/// Something that [`wait`] waits for.
///
/// | made of | by | is ready when |
/// |---|---|---|
/// | a queue or its receiver | [`Source::queue`], `into` | there is something to get, or the stream has ended |
/// | an event | [`Source::event`], `into` | it is set, or has been since the wait began |
/// | a connection, a process, a file, a socket | [`Source::fd`] | its descriptor is readable, or has ended |
#[derive(Clone, Copy, Debug)]
pub struct Source<'a>(Kind<'a>);

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Queue(&'a End),
    Priority(&'a Store),
    Event(&'a Event),
    Descriptor(BorrowedFd<'a>),
}

/// What can be taken from; kept from being implemented elsewhere.
pub trait Consume {
    #[doc(hidden)]
    fn source(&self) -> Source<'_>;
}

impl<'a> Source<'a> {
    /// A queue of any kind, or a receiver: ready when taking something does not wait.
    pub fn queue(queue: &'a impl Consume) -> Source<'a> {
        queue.source()
    }

    /// An event, also by its handle: ready when it is set, or has been since the wait began.
    pub fn event(event: &'a Event) -> Source<'a> {
        Source(Kind::Event(event))
    }

    /// Anything with a descriptor: ready when that is readable. A connection is so when a message has
    /// begun, a process when it is dead.
    pub fn fd(descriptor: &'a impl AsFd) -> Source<'a> {
        Source(Kind::Descriptor(descriptor.as_fd()))
    }
}

macro_rules! consume {
    ($($queue:ident)*) => {$(
        impl<T> Consume for $queue<T> {
            fn source(&self) -> Source<'_> {
                Source(Kind::Queue(self.receiving()))
            }
        }

        impl<'a, T> From<&'a $queue<T>> for Source<'a> {
            fn from(queue: &'a $queue<T>) -> Self {
                queue.source()
            }
        }
    )*};
}

consume! { Queue Receiver SimpleQueue JoinableQueue }

impl<T> Consume for PriorityQueue<T> {
    fn source(&self) -> Source<'_> {
        Source(Kind::Priority(self.store()))
    }
}

impl<'a, T> From<&'a PriorityQueue<T>> for Source<'a> {
    fn from(queue: &'a PriorityQueue<T>) -> Self {
        queue.source()
    }
}

impl<'a> From<&'a Event> for Source<'a> {
    fn from(event: &'a Event) -> Self {
        Source::event(event)
    }
}

#[cfg(not(loom))]
impl<'a> From<&'a handles::Event> for Source<'a> {
    fn from(event: &'a handles::Event) -> Self {
        Source::event(event)
    }
}

impl<'a> From<BorrowedFd<'a>> for Source<'a> {
    fn from(descriptor: BorrowedFd<'a>) -> Self {
        Source(Kind::Descriptor(descriptor))
    }
}

/// Waits until at least one source is ready, and returns the indices of all that are, in order.
///
/// `None` waits as long as it takes; zero looks and returns. When the time is up, the result is empty.
///
/// Nothing is taken. Where others take from the same queue, one of them may be quicker, so use the
/// forms that do not wait, such as [`try_get`](Receiver::try_get). A source may be given twice.
///
/// Queues and descriptors cost one call of the system. If there are events besides, or items of a
/// queue are [leased](crate::Leased) by others (which come back if those die), a thread is started, and
/// has ended when this returns.
///
/// # Errors
///
/// When a descriptor is not open, or there are more than this process may have open files; if a thread
/// is needed, when there is no room for it or for one more open file.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use queues::{Queue, Source, wait};
/// use sync_primitives::handles::Event;
///
/// let (orders, stop) = (Queue::<u32>::bounded(10)?, Event::new()?);
/// let (hints, mut to_hints) = ipc_pipe::pipe::<String>()?;
/// let sources = [Source::queue(&orders), Source::event(&stop), Source::fd(&hints)];
/// assert!(wait(&sources, Some(Duration::ZERO))?.is_empty());
///
/// orders.put(7)?;
/// assert_eq!(wait(&sources, None)?, [0]);
/// stop.set();
/// to_hints.send(&"salt".to_string())?;
/// assert_eq!(wait(&sources, None)?, [0, 1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait(sources: &[Source<'_>], timeout: Option<Duration>) -> io::Result<Vec<usize>> {
    // A timeout beyond the end of the clock is no timeout.
    wait_within(sources, timeout.and_then(|timeout| Instant::now().checked_add(timeout)))
}

/// As [`wait`], up to `deadline`.
///
/// # Errors
///
/// As [`wait`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use queues::{Queue, Source, wait_deadline};
///
/// let queue = Queue::<u32>::unbounded()?;
/// let deadline = Instant::now() + Duration::from_millis(10);
/// assert!(wait_deadline(&[Source::queue(&queue)], deadline)?.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn wait_deadline(sources: &[Source<'_>], deadline: Instant) -> io::Result<Vec<usize>> {
    wait_within(sources, Some(deadline))
}

fn wait_within(sources: &[Source<'_>], deadline: Option<Instant>) -> io::Result<Vec<usize>> {
    let events = events(sources);
    if events.is_empty() {
        return wait_for_others(sources, None, deadline);
    }
    let watches: Vec<_> = events.iter().map(|(_, watch)| *watch).collect();
    if events.len() == sources.len() && events.len() <= AT_ONCE {
        return Ok(wait_any(&watches, deadline)?);
    }
    let look = Round::begin(sources)?;
    if !look.ready.is_empty() || is_past(deadline) {
        return Ok(look.ready);
    }
    let (ready, risen) = beside(&watches, |rung| wait_for_others(sources, rung, deadline))?;
    let mut ready = ready?;
    ready.extend(risen.into_iter().map(|at| events[at].0));
    ready.sort_unstable();
    ready.dedup();
    Ok(ready)
}

/// The events among the sources, and where they are.
fn events<'a>(sources: &[Source<'a>]) -> Vec<(usize, Watch<'a>)> {
    let event = |(index, source): (usize, &Source<'a>)| match source.0 {
        Kind::Event(event) => Some((index, Watch::event(event))),
        _ => None,
    };
    sources.iter().enumerate().filter_map(event).collect()
}

/// Waits until something is ready, sleeping by all but the events, for which `rung` is.
fn wait_for_others(
    sources: &[Source<'_>],
    rung: Option<BorrowedFd<'_>>,
    deadline: Option<Instant>,
) -> io::Result<Vec<usize>> {
    let only_descriptors = sources.iter().map(|source| match source.0 {
        Kind::Descriptor(descriptor) => Some(descriptor),
        _ => None,
    });
    if let Some(descriptors) = only_descriptors.collect::<Option<Vec<_>>>() {
        return poll(&descriptors, deadline);
    }
    loop {
        let round = Round::begin(sources)?;
        if !round.ready.is_empty() || is_past(deadline) {
            return Ok(round.ready);
        }
        if round.sleep(rung, deadline)? == Woken::ByEvent {
            return Ok(Round::begin(sources)?.ready);
        }
    }
}

/// One look at everything, and what to sleep by if nothing is ready.
#[derive(Debug, Default)]
struct Round<'a> {
    ready: Vec<usize>,
    polled: Vec<BorrowedFd<'a>>,
    watches: Vec<Watch<'a>>,
    /// Queues whose items are leased: they are slept by at their gates.
    lent: Vec<&'a End>,
    /// When to look again in any case.
    until: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Woken {
    ByEvent,
    Otherwise,
}

impl<'a> Round<'a> {
    fn begin(sources: &[Source<'a>]) -> io::Result<Round<'a>> {
        let mut round = Round::default();
        round.look_at_descriptors(sources)?;
        for (index, source) in sources.iter().enumerate() {
            let is_ready = match source.0 {
                Kind::Event(event) => event.is_set(),
                Kind::Queue(end) => round.look_at(end),
                Kind::Priority(store) => round.look_at_priority(store),
                Kind::Descriptor(_) => false,
            };
            round.ready.extend(is_ready.then_some(index));
        }
        round.ready.sort_unstable();
        Ok(round)
    }

    fn look_at_descriptors(&mut self, sources: &[Source<'a>]) -> io::Result<()> {
        let descriptor = |(index, source): (usize, &Source<'a>)| match source.0 {
            Kind::Descriptor(descriptor) => Some((index, descriptor)),
            _ => None,
        };
        let (indices, descriptors): (Vec<_>, Vec<_>) =
            sources.iter().enumerate().filter_map(descriptor).unzip();
        if !descriptors.is_empty() {
            let readable = poll(&descriptors, Some(Instant::now()))?;
            self.ready.extend(readable.into_iter().map(|at| indices[at]));
        }
        self.polled = descriptors;
        Ok(())
    }

    /// True if a queue is ready; else it is among those to sleep by.
    fn look_at(&mut self, end: &'a End) -> bool {
        if end.has_items() {
            return true;
        }
        let control = end.control();
        // Before the look: what comes later wakes us.
        let announced = control.takes.is_any_active().then(|| control.items.announce());
        let bell = end.shared.bell.as_fd();
        match end.look() {
            Look::Ready => return true,
            Look::Nothing => self.polled.extend([bell, end.as_fd()]),
            Look::Lent => self.sleep_at_gate(end, announced),
            Look::Busy => self.watches.push(Watch::unlocked(end.producers())),
        }
        self.watches.extend(end.watch_leases());
        false
    }

    fn look_at_priority(&mut self, store: &'a Store) -> bool {
        match store.look() {
            Look::Ready => return true,
            Look::Busy => self.watches.push(Watch::unlocked(&store.control().state)),
            Look::Nothing | Look::Lent => self.polled.push(store.bell.as_fd()),
        }
        false
    }

    fn sleep_at_gate(&mut self, end: &'a End, announced: Option<u32>) {
        // It was leased just now.
        let Some(announced) = announced else {
            self.until = Some(Instant::now());
            return;
        };
        self.watches.push(Watch::word(end.control().items.word(), announced));
        self.lent.push(end);
        self.until = self.until.or_else(|| Some(Instant::now() + LOOK));
    }

    fn sleep(self, rung: Option<BorrowedFd<'a>>, deadline: Option<Instant>) -> io::Result<Woken> {
        let deadline = [deadline, self.until].into_iter().flatten().min();
        let place = self.polled.len();
        let sleep = |also: Option<BorrowedFd<'_>>| {
            let mut polled = self.polled.clone();
            polled.extend(rung);
            polled.extend(also);
            poll(&polled, deadline)
        };
        let (awake, _) = beside(&self.watches, sleep)?;
        self.pass_on();
        let by_event = rung.is_some() && awake?.contains(&place);
        Ok(if by_event { Woken::ByEvent } else { Woken::Otherwise })
    }

    /// We take nothing: what we may have been woken for at a gate is there for another.
    fn pass_on(&self) {
        let left = self.lent.iter().filter(|end| end.has_items());
        left.for_each(|end| end.control().items.wake(1));
    }
}

fn poll(descriptors: &[BorrowedFd<'_>], deadline: Option<Instant>) -> io::Result<Vec<usize>> {
    match deadline {
        Some(deadline) => ipc_pipe::wait_deadline(descriptors, deadline),
        None => ipc_pipe::wait(descriptors, None),
    }
}

fn is_past(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|deadline| deadline <= Instant::now())
}
