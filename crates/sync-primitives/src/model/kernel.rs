//! The kernel of the model: who sleeps where, what each thread holds, and what becomes of it.
#![allow(unsafe_code, reason = "keeps the addresses of words, as a kernel does")]

use std::cell::{Cell, RefCell};

use loom::sync::{Condvar, Mutex};

use super::{AtomicU32, step};
use crate::deadline::Deadline;
use crate::error::Unsupported;
use crate::platform::Ordering::SeqCst;
use crate::robust::{OWNER, OWNER_DIED, RobustWord, WAITERS};
use crate::sys::Woken;

/// Asleep at some words, or woken at one of them.
#[derive(Debug)]
struct Sleeper {
    words: Vec<usize>,
    woken_at: Option<usize>,
    number: usize,
}

#[derive(Debug, Default)]
struct Sleepers {
    list: Vec<Sleeper>,
    next: usize,
    next_tid: u32,
}

loom::lazy_static! {
    static ref SLEEPERS: Mutex<Sleepers> = Mutex::new(Sleepers::default());
    static ref WOKEN: Condvar = Condvar::new();
}

fn sleepers() -> loom::sync::MutexGuard<'static, Sleepers> {
    SLEEPERS.lock().expect("nobody panics in the kernel")
}

fn address(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word) as usize
}

pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> bool {
    wait_any(&[(word, expected)], deadline) != Woken::TimedOut
}

pub(crate) fn wait_any(words: &[(&AtomicU32, u32)], _deadline: Deadline) -> Woken {
    if !step() {
        return Woken::TimedOut;
    }
    let mut kernel = sleepers();
    if words.iter().any(|(word, expected)| word.of_kernel().load(SeqCst) != *expected) {
        return Woken::LookAgain;
    }
    let number = kernel.next;
    kernel.next += 1;
    let words = words.iter().map(|(word, _)| address(word)).collect();
    kernel.list.push(Sleeper { words, woken_at: None, number });
    let woken = loop {
        let of_us = |sleeper: &Sleeper| sleeper.number == number;
        let at = kernel.list.iter().position(of_us).expect("a sleeper is on the list");
        if let Some(index) = kernel.list[at].woken_at {
            kernel.list.remove(at);
            break index;
        }
        kernel = WOKEN.wait(kernel).expect("nobody panics in the kernel");
    };
    drop(kernel);
    // Woken, and killed before it has done anything about it.
    if step() { Woken::At(woken) } else { Woken::TimedOut }
}

pub(crate) fn wake(word: &AtomicU32, count: u32) -> usize {
    if step() { wake_at(address(word), count) } else { 0 }
}

fn wake_at(word: usize, count: u32) -> usize {
    let mut kernel = sleepers();
    let mut woken = 0;
    for sleeper in &mut kernel.list {
        if woken as u32 == count {
            break;
        }
        // As in the kernel, a thread that is on its way still takes a wake-up at its other words.
        let at = sleeper.words.iter().position(|at| *at == word);
        if let Some(index) = at {
            sleeper.words[index] = 0;
            // Linux names the last of several words that have woken a thread.
            sleeper.woken_at = sleeper.woken_at.max(Some(index));
            woken += 1;
        }
    }
    WOKEN.notify_all();
    woken
}

/// What the model's kernel and the thread itself know of a thread.
#[derive(Debug, Default)]
pub(crate) struct Thread {
    tid: Cell<u32>,
    pending: Cell<Option<*const AtomicU32>>,
    held: RefCell<Vec<*const RobustWord>>,
}

loom::thread_local! {
    static THREAD: Thread = Thread::default();
}

impl Thread {
    pub(crate) fn with<R>(work: impl FnOnce(&Thread) -> R) -> Result<R, Unsupported> {
        if super::is_dead() {
            return Err(Unsupported::NO_LIST);
        }
        THREAD.with(|thread| {
            if thread.tid.get() == 0 {
                let mut kernel = sleepers();
                kernel.next_tid += 1;
                thread.tid.set(kernel.next_tid);
            }
            Ok(work(thread))
        })
    }

    pub(crate) fn with_known<R>(work: impl FnOnce(&Thread) -> Option<R>) -> Option<R> {
        Thread::with(work).unwrap_or(None)
    }

    pub(crate) fn tid(&self) -> u32 {
        self.tid.get()
    }

    pub(crate) fn spread_over(&self, count: usize) -> usize {
        self.tid.get() as usize % count.max(1)
    }

    pub(crate) fn namespace(&self) -> u32 {
        1
    }

    pub(crate) fn begin(&self, word: &AtomicU32) {
        if step() {
            self.pending.set(Some(std::ptr::from_ref(word)));
        }
    }

    pub(crate) fn end(&self) {
        if step() {
            self.pending.set(None);
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.pending.get().is_some()
    }

    pub(crate) fn is_full(&self) -> bool {
        false
    }

    pub(crate) fn is_free(&self) -> bool {
        self.held.borrow().is_empty()
    }

    pub(crate) fn hold(&self, lock: &RobustWord) {
        if step() {
            self.held.borrow_mut().push(std::ptr::from_ref(lock));
        }
    }

    pub(crate) fn hold_first(&self, lock: &RobustWord) {
        self.hold(lock);
    }

    pub(crate) fn holds_only(&self, lock: &RobustWord) -> bool {
        self.held.borrow().len() == 1 && self.holds(lock)
    }

    pub(crate) fn let_go_of_last(&self) {
        if step() {
            self.held.borrow_mut().clear();
        }
    }

    pub(crate) fn let_go(&self, lock: &RobustWord) -> bool {
        let held = self.holds(lock);
        if held && step() {
            self.held.borrow_mut().retain(|other| !std::ptr::eq(*other, lock));
        }
        held
    }

    pub(crate) fn holds(&self, lock: &RobustWord) -> bool {
        self.held.borrow().iter().any(|other| std::ptr::eq(*other, lock))
    }
}

/// What Linux does when a thread dies: each word on its list, then the one that it had named.
pub(super) fn bury() {
    THREAD.with(|thread| {
        let tid = thread.tid.get();
        for lock in thread.held.borrow().iter() {
            // SAFETY: a model keeps its locks for as long as its threads.
            let word = unsafe { &**lock }.word();
            mark(word, tid);
        }
        if let Some(word) = thread.pending.get() {
            // SAFETY: as above.
            let word = unsafe { &*word };
            if word.of_kernel().load(SeqCst) & OWNER == 0 {
                wake_at(address(word), 1);
            } else {
                mark(word, tid);
            }
        }
    });
}

fn mark(word: &AtomicU32, tid: u32) {
    let mut now = word.of_kernel().load(SeqCst);
    while now & OWNER == tid {
        let marked = (now & WAITERS) | OWNER_DIED;
        match word.of_kernel().compare_exchange(now, marked, SeqCst, SeqCst) {
            Ok(_) if now & WAITERS != 0 => {
                wake_at(address(word), 1);
                return;
            }
            Ok(_) => return,
            Err(other) => now = other,
        }
    }
}
