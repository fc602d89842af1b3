//! Waiting for several things at once, of which none is taken: events, locks of others, words.
//!
//! One sleep (`futex_waitv`) names the words of all, and the bells of the events. Who waits for a
//! lock or for the bell of an event sleeps at the same words, and a wake-up for *one* of them may
//! come to the watcher, who takes nothing. So a watcher that has slept hands on what may have come
//! to it: when it hears a bell it wakes all at that event, and when it goes it wakes the next at
//! each lock that is free ([`pass_on`](RobustWord::pass_on)).
//!
//! # If it dies before it has
//!
//! A thread can name one word to the kernel, which then wakes another in its place (see
//! `vigil.rs`). The watcher names the first event's bell or the first lock of its list, and sees to
//! it that with the others it takes along nothing that somebody needs:
//!
//! | of the others | it sleeps with a mark | so that |
//! |---|---|---|
//! | a lock | [`WAKE_ALL`] in the holder's word | who lets go wakes all, not one |
//! | an event | `WATCHED` in the state, until the next `set` | who waits there looks each second as well |
//! | a word | – | (its waker wakes all, or sees to it otherwise) |
//!
//! | dies | then |
//! |---|---|
//! | a holder, or one that lets go | the kernel wakes one there: a locker, or a watcher, which wakes the next |
//! | who sets an event, before it has woken all | the bell: one wakes, and wakes the others |
//! | who changes a word, before it has woken all | watchers look within a second |
//! | a watcher, asleep | nobody notices |
//! | a watcher, woken at what it has named | the kernel wakes another |
//! | a watcher, woken at something else | all there have been woken, too |
//! | the same, and before it the one whose death has woken it | who sleeps there looks within a second |
//!
//! The kernel may fail to reach a lock's word (see `robust.rs`), so each second a watcher asks
//! whether the holders still exist.

use std::time::Instant;

use crate::deadline::Deadline;
use crate::error::InvalidCount;
use crate::event::Event;
use crate::mutex::Mutex;
use crate::platform::{self, AtomicU32, Ordering::Acquire, Thread};
use crate::robust::{RobustWord, WAITERS, WAKE_ALL};
use crate::sys::{WORDS_PER_WAIT, Woken};
use crate::vigil::Naming;

/// Something that [`wait_any`] waits for.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a>(Place<'a>);

#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Event(&'a Event),
    Lock(&'a RobustWord),
    Word(&'a AtomicU32, u32),
}

impl<'a> Watch<'a> {
    /// Ready when the event is set, or has been since the wait began.
    pub fn event(event: &'a Event) -> Watch<'a> {
        Watch(Place::Event(event))
    }

    /// Ready when no living thread holds the mutex: it is free, or its holder died.
    ///
    /// Somebody may take it before the caller does. While the calling thread itself holds it, it is
    /// not ready.
    pub fn unlocked<T>(mutex: &'a Mutex<T>) -> Watch<'a> {
        Watch(Place::Lock(mutex.raw()))
    }

    /// Ready when the word is not `expected`. It lies in shared memory, or in that of this process.
    ///
    /// Whoever changes the word has to wake all who sleep there ([`futex::wake_all`]). If it dies
    /// before it has, the change is noticed within a second.
    ///
    /// [`futex::wake_all`]: crate::futex::wake_all
    pub fn word(word: &'a AtomicU32, expected: u32) -> Watch<'a> {
        Watch(Place::Word(word, expected))
    }
}

/// Waits until at least one of the watches is ready, and returns the indices of all that are, in
/// order; none if `deadline` comes first.
///
/// Nothing is taken: a mutex that was free may be held again, and an event that has risen may be
/// down. Without a deadline it waits as long as it takes. One that has passed means: only look.
///
/// # Errors
///
/// When there is nothing to wait for, or more than one wait can name: 128 words. An event has two,
/// everything else one.
///
/// # When a process dies
///
/// | dies | then |
/// |---|---|
/// | the holder of a watched mutex | that watch is ready, and whoever waits for the mutex gets it |
/// | who sets a watched event | the flag is as it was, or up: then that watch is ready |
/// | a watcher, at any time | nobody notices |
/// | a watcher that has just been woken by a death | if it watched several things, others may notice that death a second late |
///
/// # Examples
///
/// Waits for the other's answer, or its death:
///
/// ```
/// use ipc_shm::{Shareable, Shared};
/// use sync_primitives::{Event, Mutex, Watch, wait_any};
///
/// #[derive(Shareable)]
/// #[repr(C)]
/// struct Worker {
///     /// Held by the worker for as long as it lives.
///     alive: Mutex<()>,
///     ready: Event,
///     done: Event,
/// }
///
/// let worker = Worker { alive: Mutex::new(()), ready: Event::new(), done: Event::new() };
/// let here = Shared::new(worker)?;
/// let there = here.clone(); // In another process, say.
/// let there = std::thread::spawn(move || {
///     let _alive = there.alive.lock().unwrap();
///     there.ready.set();
///     panic!("on its way to done");
/// });
/// here.ready.wait();
/// let ready = wait_any(&[Watch::event(&here.done), Watch::unlocked(&here.alive)], None)?;
/// assert_eq!(ready, [1]);
/// assert!(there.join().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait_any(
    watches: &[Watch<'_>],
    deadline: Option<Instant>,
) -> Result<Vec<usize>, InvalidCount> {
    let count: usize = watches.iter().map(|watch| watch.0.words()).sum();
    if count == 0 || count > WORDS_PER_WAIT {
        return Err(InvalidCount { count: count as u64, least: 1, most: WORDS_PER_WAIT as u64 });
    }
    let deadline = deadline.map_or(Deadline::NEVER, Deadline::at);
    let ready = indices(watches.iter().map(|watch| watch.0.is_ready()));
    if !ready.is_empty() || deadline.is_past() {
        return Ok(ready);
    }
    let first = watches.iter().find_map(|watch| watch.0.to_be_named());
    let naming = first.map(Naming::begin);
    let named = first.filter(|_| naming.as_ref().is_some_and(Naming::has_begun));
    Ok(wait(&posts(watches, named), deadline))
}

/// Where the true ones are.
fn indices(ready: impl Iterator<Item = bool>) -> Vec<usize> {
    ready.enumerate().filter_map(|(index, ready)| ready.then_some(index)).collect()
}

impl<'a> Place<'a> {
    /// How many words a wait for it names.
    fn words(self) -> usize {
        match self {
            Place::Event(_) => 2,
            Place::Lock(_) | Place::Word(..) => 1,
        }
    }

    fn is_ready(self) -> bool {
        match self {
            Place::Event(event) => event.is_set(),
            Place::Lock(lock) => lock.held().is_none(),
            Place::Word(word, expected) => word.load(Acquire) != expected, // Pairs with its writer.
        }
    }

    /// Where the kernel is to wake another if we die.
    fn to_be_named(self) -> Option<&'a AtomicU32> {
        match self {
            Place::Event(event) => Some(event.bell().silent().0),
            Place::Lock(lock) => Some(lock.word()),
            Place::Word(..) => None,
        }
    }
}

/// A place, for the time of one wait.
#[derive(Debug)]
struct Post<'a> {
    place: Place<'a>,
    /// For an event: its state at the beginning.
    moment: u32,
    /// The kernel makes up for what we take along from here.
    is_named: bool,
}

fn posts<'a>(watches: &[Watch<'a>], named: Option<&AtomicU32>) -> Vec<Post<'a>> {
    let post = |watch: &Watch<'a>| {
        let place = watch.0;
        let is_named = match (place.to_be_named(), named) {
            (Some(word), Some(named)) => std::ptr::eq(word, named),
            _ => false,
        };
        let moment = if let Place::Event(event) = place { event.moment() } else { 0 };
        Post { place, moment, is_named }
    };
    watches.iter().map(post).collect()
}

/// Waits until one is ready or the deadline has passed, and hands on what has come to us.
#[cold]
fn wait(posts: &[Post<'_>], deadline: Deadline) -> Vec<usize> {
    loop {
        sleep(posts, deadline.within(platform::SLICE));
        let ready = indices(posts.iter().map(Post::is_ready));
        if !ready.is_empty() || deadline.is_past() {
            locks(posts).for_each(RobustWord::pass_on);
            return ready;
        }
    }
}

/// Sleeps until something happens at one of the places, or it is time to look.
fn sleep(posts: &[Post<'_>], until: Deadline) {
    // The bells come last: then Linux, which names the last word that has woken us, tells if one of
    // them was among those.
    let Some(mut words) = posts.iter().map(Post::announce).collect::<Option<Vec<_>>>() else {
        return; // It has changed meanwhile.
    };
    words.extend(events(posts).map(|event| event.bell().silent()));
    match platform::wait_any(&words, until) {
        Woken::At(at) if at < posts.len() => {}
        // This bell or one before it as well, and somebody died who would have woken all.
        Woken::At(at) => events(posts).take(at - posts.len() + 1).for_each(Event::wake_all),
        Woken::LookAgain => events(posts).for_each(|event| event.bell().mend()),
        Woken::TimedOut => bury(posts),
    }
}

/// Looks for holders whose death the kernel has not told.
fn bury(posts: &[Post<'_>]) {
    // Without a list there is nobody to ask, and nobody could have locked.
    let _ = Thread::with(|thread| {
        for lock in locks(posts) {
            if let Some(word) = lock.held() {
                lock.bury(thread, word);
            }
        }
    });
}

fn locks<'a>(posts: &[Post<'a>]) -> impl Iterator<Item = &'a RobustWord> {
    posts.iter().filter_map(|post| match post.place {
        Place::Lock(lock) => Some(lock),
        _ => None,
    })
}

fn events<'a>(posts: &[Post<'a>]) -> impl Iterator<Item = &'a Event> {
    posts.iter().filter_map(|post| match post.place {
        Place::Event(event) => Some(event),
        _ => None,
    })
}

impl<'a> Post<'a> {
    fn is_ready(&self) -> bool {
        match self.place {
            Place::Event(event) => event.has_risen_since(self.moment),
            place => place.is_ready(),
        }
    }

    /// The word that we sleep at, and what it holds once we are to be woken there; none if it has
    /// changed.
    fn announce(&self) -> Option<(&'a AtomicU32, u32)> {
        match self.place {
            Place::Event(event) if self.is_named => event.announce_watcher(self.moment),
            Place::Event(event) => event.announce_unnamed_watcher(self.moment),
            Place::Lock(lock) => {
                let marks = if self.is_named { WAITERS } else { WAITERS | WAKE_ALL };
                let word = lock.held().filter(|word| lock.announce(*word, marks))?;
                Some((lock.word(), word | marks))
            }
            Place::Word(word, expected) => Some((word, expected)),
        }
    }
}
