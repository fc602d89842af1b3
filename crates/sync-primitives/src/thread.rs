//! What a thread must know about itself to take a lock: its number, its list, whether it has been
//! forked since it last looked.
//!
//! A forked child has another number, and its C library has begun a new list. It finds out by a
//! word that forks set to zero: so a guard that a child has inherited does nothing when dropped.
#![allow(unsafe_code, reason = "reads the word that forks wipe by its address")]

use std::cell::Cell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicU32};

use crate::error::Unsupported;
use crate::robust::RobustWord;
use crate::robust_list::{RobustList, WORD_FROM_NODE};
use crate::sys;

/// A pid namespace that we could not tell: the numbers of other threads say nothing to us.
pub(crate) const UNKNOWN_NAMESPACE: u32 = u32::MAX;

/// This process has not looked yet, or has been forked.
static NO_STAMP: AtomicU32 = AtomicU32::new(0);

/// No process has this stamp: where a thread begins.
const NEVER_A_STAMP: u32 = u32::MAX;

/// The word that says which process this is: it changes with each fork.
static STAMP: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const NO_STAMP).cast_mut());

/// The last stamp that this process or one that it was forked from has given itself.
static LAST_STAMP: AtomicU32 = AtomicU32::new(0);

static NAMESPACE: AtomicU32 = AtomicU32::new(UNKNOWN_NAMESPACE);

thread_local! {
    // It has no destructor, so it can be used while a thread ends, and in a signal handler.
    static THREAD: Thread = const { Thread::unknown() };
}

/// The calling thread.
#[derive(Debug)]
pub(crate) struct Thread {
    stamp: Cell<u32>,
    tid: Cell<u32>,
    namespace: Cell<u32>,
    list: RobustList,
}

impl Thread {
    const fn unknown() -> Thread {
        Thread {
            stamp: Cell::new(NEVER_A_STAMP),
            tid: Cell::new(0),
            namespace: Cell::new(UNKNOWN_NAMESPACE),
            list: RobustList::new(),
        }
    }

    /// Runs `work` with the calling thread, which knows itself by then.
    ///
    /// # Errors
    ///
    /// When the kernel or the C library keeps no list for this thread.
    #[inline]
    pub(crate) fn with<R>(work: impl FnOnce(&Thread) -> R) -> Result<R, Unsupported> {
        THREAD.with(|thread| {
            if thread.stamp.get() != stamp() {
                thread.look()?;
            }
            Ok(work(thread))
        })
    }

    /// Runs `work` if the calling thread knows itself already; `None` if it has to look first.
    #[inline]
    pub(crate) fn with_known<R>(work: impl FnOnce(&Thread) -> Option<R>) -> Option<R> {
        THREAD.with(|thread| if thread.stamp.get() == stamp() { work(thread) } else { None })
    }

    #[cold]
    fn look(&self) -> Result<(), Unsupported> {
        let stamp = current_stamp()?;
        let head = sys::robust_list().ok_or(Unsupported::NO_LIST)?;
        // SAFETY: the C library's head lies in the block of this thread.
        let offset = unsafe { head.as_ref() }.word_from_node.load(Relaxed);
        if offset != WORD_FROM_NODE {
            return Err(Unsupported::OTHER_LAYOUT);
        }
        self.list.reset(head);
        self.tid.set(sys::thread_id());
        self.namespace.set(NAMESPACE.load(Relaxed));
        self.stamp.set(stamp);
        Ok(())
    }

    #[inline]
    pub(crate) fn tid(&self) -> u32 {
        self.tid.get()
    }

    /// A number below `count` that differs from thread to thread, as far as it can.
    #[inline]
    pub(crate) fn spread_over(&self, count: usize) -> usize {
        // Fibonacci hashing (Knuth): neighbouring numbers come to lie far apart, without a division.
        let scattered = u64::from(self.tid.get().wrapping_mul(0x9e37_79b9));
        ((scattered * count as u64) >> 32) as usize
    }

    /// The pid namespace in which [`tid`](Thread::tid) means something.
    #[inline]
    pub(crate) fn namespace(&self) -> u32 {
        self.namespace.get()
    }

    /// An operation on `word` begins: if the thread dies before [`end`](Thread::end), the kernel
    /// marks the word if it holds the thread's number, and wakes a waiter if it holds none.
    #[inline]
    pub(crate) fn begin(&self, word: &AtomicU32) {
        self.list.begin(word.as_ptr() as usize);
    }

    #[inline]
    pub(crate) fn end(&self) {
        self.list.end();
    }

    /// True in a signal handler that has interrupted an operation.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.list.is_busy()
    }

    /// True if this thread cannot hold one more lock.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.list.is_full()
    }

    /// Notes that this thread holds `lock`, for itself and for the kernel.
    #[inline]
    pub(crate) fn hold(&self, lock: &RobustWord) {
        self.list.push(&lock.node);
    }

    /// True if this thread holds nothing at all, as it mostly does.
    #[inline]
    pub(crate) fn is_free(&self) -> bool {
        self.list.is_empty()
    }

    /// As [`hold`](Self::hold), for a thread that [is free](Self::is_free).
    #[inline]
    pub(crate) fn hold_first(&self, lock: &RobustWord) {
        self.list.push_first(&lock.node);
    }

    /// True if this thread holds `lock` and nothing else.
    #[inline]
    pub(crate) fn holds_only(&self, lock: &RobustWord) -> bool {
        self.list.is_alone(&lock.node)
    }

    /// As [`let_go`](Self::let_go), of all that this thread holds.
    #[inline]
    pub(crate) fn let_go_of_last(&self) {
        self.list.remove_last();
    }

    /// Notes that this thread is about to let go of `lock`; false if it does not hold it.
    pub(crate) fn let_go(&self, lock: &RobustWord) -> bool {
        self.list.remove(&lock.node)
    }

    #[inline]
    pub(crate) fn holds(&self, lock: &RobustWord) -> bool {
        self.list.holds(&lock.node)
    }
}

#[inline]
pub(crate) fn stamp() -> u32 {
    let word = STAMP.load(Acquire); // Pairs with the release in `current_stamp`.
    // SAFETY: the pointer leads to a static or to a page that is never unmapped.
    unsafe { &*word }.load(Relaxed)
}

/// The stamp of this process, given to it now if it has none.
pub(crate) fn current_stamp() -> Result<u32, Unsupported> {
    if STAMP.load(Relaxed).cast_const() == &raw const NO_STAMP {
        let word = sys::word_wiped_by_fork().map_err(|_| Unsupported::NO_WIPED_PAGE)?;
        let (none, word) = ((&raw const NO_STAMP).cast_mut(), std::ptr::from_ref(word).cast_mut());
        // Another thread may have been quicker; its page serves as well, and ours stays unused.
        let _ = STAMP.compare_exchange(none, word, Release, Relaxed);
    }
    // SAFETY: as in `stamp`.
    let word = unsafe { &*STAMP.load(Acquire) };
    if word.load(Relaxed) == 0 {
        NAMESPACE.store(sys::pid_namespace().unwrap_or(UNKNOWN_NAMESPACE), Relaxed);
        let next = LAST_STAMP.fetch_add(1, Relaxed).wrapping_add(1);
        let next = next.clamp(1, NEVER_A_STAMP - 1);
        // Threads that find out at the same time agree on the first stamp.
        let _ = word.compare_exchange(0, next, Release, Relaxed);
    }
    Ok(word.load(Acquire)) // Pairs with the release above: `NAMESPACE` is there, too.
}
