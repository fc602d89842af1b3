//! The lock that everything else is made of: one word that the kernel gives back when its holder
//! dies.
//!
//! The word holds the number of the thread that has the lock, and two marks:
//!
//! | number | `OWNER_DIED` | `WAITERS` | meaning |
//! |---|---|---|---|
//! | 0 | – | – | free |
//! | 0 | – | set | free, and somebody may sleep |
//! | 0 | set | either | free, and its last holder died (only the kernel writes this) |
//! | n | – | – | held by thread n |
//! | n | – | set | held by thread n, which has to wake somebody when it lets go |
//! | n | set | either | held by thread n, which has to wake all when it lets go ([`WAKE_ALL`]) |
//!
//! # Taking it, and what is true if the taker dies
//!
//! 1. It names the word to the kernel (`begin`). Dies: nothing has changed; if the word is free,
//!    the kernel wakes a waiter, in case this one had been woken to take it.
//! 2. It writes its number over 0. Dies: the kernel finds its number and marks the word.
//! 3. It enters the word into its list, 4. takes the name back (`end`). Dies: as in 2, by the list.
//!
//! If the lock is held, it sets `WAITERS` and sleeps. Dies asleep: the mark is too much, and costs
//! the holder one system call. Dies after it was woken: the word is free or has another holder; if
//! free, the kernel wakes the next (1); if not, that holder has inherited the mark, and will.
//!
//! # Letting go, and what is true if the holder dies
//!
//! 1. It names the word, 2. takes it off its list. Dies: the kernel finds its number and marks it.
//! 3. It writes 0 over its number, or, with waiters, `WAITERS`. Dies: the lock is free. The kernel
//!    sees a named word without a number and wakes a waiter.
//! 4. It wakes a waiter; if nobody slept, it clears `WAITERS`. 5. It takes the name back.
//!
//! `WAITERS` stays set while the lock is free, and whoever takes it then inherits the duty to wake.
//! That is what robust mutexes of glibc lack, where a waiter is left asleep beside a free lock if a
//! third thread takes it between 3 and 4 and the one that lets go is killed there.
//!
//! # Looking on
//!
//! A watcher ([`wait_any`](crate::wait_any())) sleeps here without wanting the lock. So it hands on,
//! when it goes, the wake-up that it may have been given ([`pass_on`](RobustWord::pass_on)). It names
//! the word meanwhile, as a taker does; one that watches several words and can name only one of them
//! has the holders of the others wake all who sleep there, so that its death takes nothing away.
//!
//! # If the kernel could not tell
//!
//! A process that scribbles over the links, or an unmapped lock below this one, keeps the kernel
//! from reaching a word. A waiter therefore asks now and then whether the thread still exists, and
//! takes the lock as the kernel would have left it. Only if all who have ever used the lock live in
//! one pid namespace: elsewhere the number says nothing.

use crate::deadline::Deadline;
use crate::error::Unsupported;
use crate::platform::{self, AtomicU32, Ordering, Spin, Thread};
use crate::robust_list::Node;

use Ordering::{Acquire, Relaxed, Release};

/// The part of a lock word that holds a thread's number.
pub(crate) const OWNER: u32 = 0x3fff_ffff;
/// The holder died; set by the kernel, which takes the number away with it.
pub(crate) const OWNER_DIED: u32 = 0x4000_0000;
/// Somebody may sleep at the word.
pub(crate) const WAITERS: u32 = 0x8000_0000;

/// In a word with a number: somebody sleeps there who may die with the wake-up of another.
pub(crate) const WAKE_ALL: u32 = OWNER_DIED;

/// Linux gives no thread a number above this (`PID_MAX_LIMIT`).
const HIGHEST_TID: u32 = 1 << 22;

/// The data are as the last holder meant to leave them.
pub(crate) const CONSISTENT: u32 = 0;
/// A holder died, and nobody has said since that the data are well.
pub(crate) const DIED: u32 = 1;
/// A holder panicked, and nobody has said since that the data are well.
pub(crate) const POISONED: u32 = 2;

/// Used from several pid namespaces, or from one that is unknown.
const MIXED: u32 = u32::MAX;

/// How long the caller is ready to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    None,
    Until(Deadline),
}

impl Patience {
    pub(crate) const ENDLESS: Patience = Patience::Until(Deadline::NEVER);
}

/// Why there is no lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    WouldBlock,
    TimedOut,
    Deadlock,
    TooManyHeld,
    Corrupt,
    Unsupported(Unsupported),
}

/// In what state the lock came into our hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Consistent,
    OwnerDied,
    Poisoned,
}

/// A lock without data. The order of the fields is fixed by the list that the node is on.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RobustWord {
    word: AtomicU32,
    state: AtomicU32,
    namespace: AtomicU32,
    /// For the holder: how often it has taken the lock, or what it has done with it.
    pub(crate) note: AtomicU32,
    /// Without use, but for the distance from the word to the node.
    _reserved: [u32; 2],
    pub(crate) node: Node,
}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<RobustWord>() == 40);
    let distance = std::mem::offset_of!(RobustWord, node) + size_of::<usize>();
    assert!(distance as isize == -crate::robust_list::WORD_FROM_NODE);
};

impl RobustWord {
    pub(crate) fn new() -> RobustWord {
        RobustWord {
            word: AtomicU32::new(0),
            state: AtomicU32::new(CONSISTENT),
            namespace: AtomicU32::new(0),
            note: AtomicU32::new(0),
            _reserved: [0; 2],
            node: Node::new(),
        }
    }

    /// The word itself, for those who wait for several.
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Takes the lock. It is ours even if its last holder died or panicked.
    #[inline]
    pub(crate) fn lock(&self, patience: Patience) -> Result<Condition, Refused> {
        if self.lock_at_once() { Ok(self.condition()) } else { self.lock_in_full(patience) }
    }

    /// The case of every day: the lock is free, and the thread holds no other.
    #[inline]
    pub(crate) fn lock_at_once(&self) -> bool {
        let taken = Thread::with_known(|thread| {
            if !thread.is_free() || self.namespace.load(Relaxed) != thread.namespace() {
                return None;
            }
            thread.begin(&self.word);
            // Acquire pairs with the release of `unlock`: what the last holder wrote is there.
            let taken = self.word.compare_exchange(0, thread.tid(), Acquire, Relaxed).is_ok();
            if taken {
                thread.hold_first(self);
            }
            thread.end();
            taken.then_some(())
        });
        taken.is_some()
    }

    #[cold]
    fn lock_in_full(&self, patience: Patience) -> Result<Condition, Refused> {
        Thread::with(|thread| self.lock_as(thread, patience)).map_err(Refused::Unsupported)?
    }

    fn lock_as(&self, thread: &Thread, patience: Patience) -> Result<Condition, Refused> {
        if thread.is_full() {
            return Err(Refused::TooManyHeld);
        }
        self.note_namespace(thread);
        thread.begin(&self.word);
        let taken = self.lock_slow(thread, patience);
        if taken.is_ok() {
            thread.hold(self);
        }
        thread.end();
        taken.map(|died| self.condition_after(died))
    }

    /// Takes the word if it is free at this instant, as part of an operation on several words; with
    /// the mark [`WAITERS`] if `waiters` has it.
    ///
    /// The caller has called `begin` for this word, and calls `end`.
    pub(crate) fn take(&self, thread: &Thread, waiters: u32) -> Option<Condition> {
        let word = self.word.load(Relaxed);
        if word & OWNER != 0 {
            return None;
        }
        let died = self.seize(thread, word, waiters)?;
        thread.hold(self);
        Some(self.condition_after(died))
    }

    /// Writes our number over 0, with the mark if it is there or in `waiters`; tells whether the last
    /// holder died.
    #[inline]
    fn seize(&self, thread: &Thread, word: u32, waiters: u32) -> Option<bool> {
        let ours = thread.tid() | (word & WAITERS) | waiters;
        let taken = self.word.compare_exchange(word, ours, Acquire, Relaxed);
        taken.ok().map(|_| word & OWNER_DIED != 0)
    }

    fn lock_slow(&self, thread: &Thread, patience: Patience) -> Result<bool, Refused> {
        let (mut spin, mut waiters) = (Spin::default(), 0);
        loop {
            let word = self.word.load(Relaxed);
            if word & OWNER == 0 {
                match self.seize(thread, word, waiters) {
                    Some(died) => return Ok(died),
                    None => continue,
                }
            }
            self.refuse(thread, word)?;
            let Patience::Until(deadline) = patience else { return Err(Refused::WouldBlock) };
            if word & WAITERS == 0 && spin.once() {
                continue;
            }
            if deadline.is_past() {
                return Err(Refused::TimedOut);
            }
            if self.announce_waiter(word) {
                waiters = WAITERS; // Others may sleep as well.
                self.sleep(thread, word | WAITERS, deadline);
            }
        }
    }

    /// What makes waiting hopeless.
    fn refuse(&self, thread: &Thread, word: u32) -> Result<(), Refused> {
        let owner = word & OWNER;
        if owner > HIGHEST_TID {
            return Err(Refused::Corrupt);
        }
        if self.is_taken_by(thread, word) { Err(Refused::Deadlock) } else { Ok(()) }
    }

    /// True if `word` says that this thread holds the lock, also if by another mapping of it.
    ///
    /// Another namespace has a thread of our number, perhaps: there the list knows better.
    pub(crate) fn is_taken_by(&self, thread: &Thread, word: u32) -> bool {
        word & OWNER == thread.tid() && (thread.holds(self) || self.has_namespace_of(thread))
    }

    /// Has the holder of `word` wake us; false if the word has changed.
    pub(crate) fn announce_waiter(&self, word: u32) -> bool {
        self.announce(word, WAITERS)
    }

    /// Adds `marks` to `word`; false if the word has changed.
    pub(crate) fn announce(&self, word: u32, marks: u32) -> bool {
        let marked = word | marks;
        word == marked || self.word.compare_exchange(word, marked, Relaxed, Relaxed).is_ok()
    }

    fn sleep(&self, thread: &Thread, word: u32, deadline: Deadline) {
        if !platform::wait(&self.word, word, deadline.within(platform::SLICE)) {
            self.bury(thread, word);
        }
    }

    /// Marks `word` as the kernel would have done, if its holder is gone and the word remains.
    pub(crate) fn bury(&self, thread: &Thread, word: u32) {
        if self.has_namespace_of(thread) && platform::thread_is_gone(word & OWNER) {
            let marked = (word & WAITERS) | OWNER_DIED;
            // A thread that is gone writes no more, so a word that is still the same is its last.
            let _ = self.word.compare_exchange(word, marked, Relaxed, Relaxed);
        }
    }

    /// Lets go; false, with nothing changed, if this thread does not hold the lock.
    #[inline]
    pub(crate) fn unlock(&self) -> bool {
        self.unlock_at_once() || self.unlock_in_full()
    }

    /// The case of every day: the thread holds nothing else.
    #[inline]
    fn unlock_at_once(&self) -> bool {
        let done = Thread::with_known(|thread| {
            if !thread.holds_only(self) {
                return None;
            }
            thread.begin(&self.word);
            thread.let_go_of_last();
            self.give_back(thread);
            thread.end();
            Some(())
        });
        done.is_some()
    }

    #[cold]
    fn unlock_in_full(&self) -> bool {
        let unlocked = Thread::with(|thread| {
            thread.begin(&self.word);
            let held = thread.let_go(self);
            if held {
                self.give_back(thread);
            }
            thread.end();
            held
        });
        unlocked.unwrap_or(false)
    }

    #[inline]
    fn give_back(&self, thread: &Thread) {
        // Release pairs with the acquire of whoever takes the lock next.
        if self.word.compare_exchange(thread.tid(), 0, Release, Relaxed).is_err() {
            self.give_back_contended();
        }
    }

    #[cold]
    fn give_back_contended(&self) {
        let word = self.word.swap(WAITERS, Release); // Pairs as in `give_back`.
        self.wake(if word & WAKE_ALL == 0 { 1 } else { u32::MAX });
    }

    /// Wakes up to `count` who sleep at the word, which is free.
    fn wake(&self, count: u32) {
        if platform::wake(&self.word, count) == 0 {
            // Nobody slept. Who was about to sleep finds the word changed, and looks again.
            let _ = self.word.compare_exchange(WAITERS, 0, Relaxed, Relaxed);
        }
    }

    /// For one who has slept here and goes without the lock: another gets the wake-up that it may
    /// have been given, and the mark is back if whoever gave it has cleared it since.
    pub(crate) fn pass_on(&self) {
        if self.word.fetch_or(WAITERS, Relaxed) & OWNER == 0 {
            self.wake(1);
        }
    }

    /// Lets go without waking anybody: who sleeps here waits for a death, not for the lock.
    pub(crate) fn unlock_quietly(&self) {
        // A thread without a list holds nothing.
        let _ = Thread::with(|thread| {
            thread.begin(&self.word);
            if thread.let_go(self) {
                self.word.store(0, Release);
            }
            thread.end();
        });
    }

    /// True if the calling thread holds the lock.
    pub(crate) fn is_held(&self) -> bool {
        Thread::with(|thread| thread.holds(self)).unwrap_or(false)
    }

    /// True if some thread holds the lock at this instant.
    pub(crate) fn is_locked(&self) -> bool {
        self.word.load(Relaxed) & OWNER != 0
    }

    /// The word, if it holds a number that a thread can have.
    pub(crate) fn held(&self) -> Option<u32> {
        let word = self.word.load(Acquire); // Pairs with the release of `unlock`.
        (1..=HIGHEST_TID).contains(&(word & OWNER)).then_some(word)
    }

    /// Says in what state the data are; for the holder.
    pub(crate) fn set_state(&self, state: u32) {
        self.state.store(state, Relaxed);
    }

    pub(crate) fn condition(&self) -> Condition {
        match self.state.load(Relaxed) {
            CONSISTENT => Condition::Consistent,
            POISONED => Condition::Poisoned,
            _ => Condition::OwnerDied,
        }
    }

    /// A death is noted before anything else: if we die as well, the kernel marks the word again.
    #[inline]
    fn condition_after(&self, died: bool) -> Condition {
        if died {
            self.set_state(DIED);
        }
        self.condition()
    }

    /// True if numbers mean to this thread what they mean to all who have ever used the lock.
    fn has_namespace_of(&self, thread: &Thread) -> bool {
        self.namespace.load(Relaxed) == thread.namespace() && !self.is_mixed()
    }

    fn is_mixed(&self) -> bool {
        self.namespace.load(Relaxed) == MIXED
    }

    /// Before a number is written, everybody must be able to tell in which namespace it counts.
    #[inline]
    pub(crate) fn note_namespace(&self, thread: &Thread) {
        if self.namespace.load(Relaxed) != thread.namespace() {
            self.note_other_namespace(thread);
        }
    }

    #[cold]
    fn note_other_namespace(&self, thread: &Thread) {
        if self.is_mixed() {
            return;
        }
        let first = self.namespace.compare_exchange(0, thread.namespace(), Relaxed, Relaxed);
        if first.is_err_and(|known| known != thread.namespace()) {
            self.namespace.store(MIXED, Relaxed);
        }
    }
}
