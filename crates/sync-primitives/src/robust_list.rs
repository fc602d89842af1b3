//! The kernel's list of the locks that a thread holds, entered beside the C library.
//!
//! When a thread ends, however it ends, the kernel goes through this list (`get_robust_list(2)`,
//! `robust-futex-ABI` in the kernel's documentation): each word on it that still holds the thread's
//! number gets the mark [`OWNER_DIED`](crate::robust::OWNER_DIED), and a thread that sleeps there
//! is woken. The list belongs to the C library, which keeps its own robust mutexes on it. We enter
//! with nodes of the form that glibc uses, so that both can be on one list in any order.
//!
//! A node lies in shared memory, behind its word, where another process may write what it likes.
//! So what is written or followed when a node leaves comes from a record in private memory (I1).
//! The one exception is a neighbour that is not ours: a robust mutex of the C library that this
//! thread took between two of our locks, and that trusts its own links just as much.
//!
//! Invariants:
//!
//! * I1: `held[i].below` is what the node's link has been since we last wrote it, unless the
//!   neighbour below is not ours and has left.
//! * I2: the nodes of `held` stand in the list in this order, the last nearest to the head.
#![allow(unsafe_code, reason = "writes the links of a list that the kernel reads")]

use std::cell::Cell;
use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicIsize, AtomicUsize, compiler_fence};

/// How many locks a thread can hold at once.
pub(crate) const MOST_HELD: usize = 64;

/// Where a lock word lies as seen from its node, in bytes: fixed by glibc for its own mutexes.
pub(crate) const WORD_FROM_NODE: isize = -32;

/// The lowest bit of a link says that the node it leads to is a mutex with priority inheritance.
const FLAG: usize = 1;

/// More foreign nodes than this between two of ours are taken for a circle.
const FARTHEST: usize = 4096;

/// `struct robust_list_head`, which the C library has registered for each thread.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) list: AtomicUsize,
    pub(crate) word_from_node: AtomicIsize,
    pub(crate) pending: AtomicUsize,
}

/// The part of a lock that is on the list. The C library writes `back` of the node below its own.
#[repr(C)]
#[derive(Debug, Default)]
pub(crate) struct Node {
    back: AtomicUsize,
    link: AtomicUsize,
}

impl Node {
    pub(crate) const fn new() -> Node {
        Node { back: AtomicUsize::new(0), link: AtomicUsize::new(0) }
    }

    /// Links lead to the link of the next node. The C library goes from there to `back` as well, so
    /// the address is that of the whole node, and a step.
    #[inline]
    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize + offset_of!(Node, link)
    }
}

#[derive(Clone, Copy, Debug)]
struct Held {
    node: usize,
    below: usize,
}

/// A thread's list, and the record of what on it is ours.
#[derive(Debug)]
pub(crate) struct RobustList {
    /// Dangling until the first `reset`.
    head: Cell<NonNull<Head>>,
    count: Cell<usize>,
    held: [Cell<Held>; MOST_HELD],
}

impl RobustList {
    pub(crate) const fn new() -> RobustList {
        let held = [const { Cell::new(Held { node: 0, below: 0 }) }; MOST_HELD];
        RobustList { head: Cell::new(NonNull::dangling()), count: Cell::new(0), held }
    }

    /// Begins anew, on the list behind `head`, with nothing held. Nothing else is called before.
    pub(crate) fn reset(&self, head: NonNull<Head>) {
        self.head.set(head);
        self.count.set(0);
    }

    #[inline]
    fn head(&self) -> &Head {
        // SAFETY: after `reset`, the C library's head, which lies in the block of this thread,
        // outlives the call, and is written by this thread only.
        unsafe { self.head.get().as_ref() }
    }

    /// Names the word that an operation is about to change, so that the kernel looks at it as well.
    #[inline]
    pub(crate) fn begin(&self, word: usize) {
        self.head().pending.store(word.wrapping_add_signed(-WORD_FROM_NODE), Relaxed);
        // The kernel must find the name before it can find the change.
        compiler_fence(SeqCst);
    }

    /// The operation is complete.
    #[inline]
    pub(crate) fn end(&self) {
        compiler_fence(SeqCst);
        self.head().pending.store(0, Relaxed);
    }

    /// True if an operation is under way, which a signal handler may have interrupted.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.head().pending.load(Relaxed) != 0
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.count.get() == MOST_HELD
    }

    #[inline]
    pub(crate) fn holds(&self, node: &Node) -> bool {
        self.position(node.address()).is_some()
    }

    /// Puts `node` on the list. The caller has made sure that it is not full.
    pub(crate) fn push(&self, node: &Node) {
        let (head, count) = (self.head(), self.count.get());
        let below = head.list.load(Relaxed);
        if !self.is_ours(below) {
            set_back(below, node.address());
        }
        node.link.store(below, Relaxed);
        self.held[count].set(Held { node: node.address(), below });
        self.count.set(count + 1);
        compiler_fence(SeqCst);
        head.list.store(node.address(), Relaxed);
    }

    /// True if nothing is on the list, of ours or of others.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.get() == 0 && self.head().list.load(Relaxed) == self.head_address()
    }

    /// As [`push`](Self::push), onto a list that [is empty](Self::is_empty).
    #[inline]
    pub(crate) fn push_first(&self, node: &Node) {
        let below = self.head_address();
        node.link.store(below, Relaxed);
        self.held[0].set(Held { node: node.address(), below });
        self.count.set(1);
        compiler_fence(SeqCst);
        self.head().list.store(node.address(), Relaxed);
    }

    /// True if `node` is all that is on the list.
    #[inline]
    pub(crate) fn is_alone(&self, node: &Node) -> bool {
        self.count.get() == 1
            && self.held[0].get().node == node.address()
            && self.head().list.load(Relaxed) == node.address()
            && self.held[0].get().below == self.head_address()
    }

    /// As [`remove`](Self::remove), of a node that [is alone](Self::is_alone).
    #[inline]
    pub(crate) fn remove_last(&self) {
        self.head().list.store(self.head_address(), Relaxed);
        compiler_fence(SeqCst);
        self.count.set(0);
    }

    /// Takes `node` off the list; false if it is not held.
    #[cold]
    pub(crate) fn remove(&self, node: &Node) -> bool {
        let Some(at) = self.position(node.address()) else { return false };
        let below = self.below(at, node);
        if self.head().list.load(Relaxed) == node.address() {
            self.head().list.store(below, Relaxed);
            if !self.is_ours(below) {
                set_back(below, self.head_address());
            }
        } else {
            self.unlink(at, below);
        }
        compiler_fence(SeqCst);
        self.forget(at);
        true
    }

    /// Takes a node out from under others.
    #[cold]
    fn unlink(&self, at: usize, below: usize) {
        let above = self.above(self.held[at].get().node);
        // SAFETY: `above` is the head, a node of ours that this thread holds, or a mutex of the C
        // library that it holds; all are mapped, and only this thread writes their links.
        unsafe { link_at(above) }.store(below, Relaxed);
        if let Some(ours) = self.position(above) {
            self.held[ours].set(Held { below, ..self.held[ours].get() });
        }
        if !self.is_ours(below) {
            set_back(below, above);
        }
    }

    /// The place of the link that leads to `node`: of the head, or of another node.
    fn above(&self, node: usize) -> usize {
        let mut place = self.head_address();
        for _ in 0..FARTHEST {
            let next = self.next(place) & !FLAG;
            if next == node {
                return place;
            }
            if next == self.head_address() || next == 0 {
                break;
            }
            place = next;
        }
        // Somebody has spoilt the links of a foreign node; ours are whole down to the next of ours.
        self.head_address()
    }

    fn next(&self, place: usize) -> usize {
        if let Some(at) = self.position(place) {
            let below = self.held[at].get().below;
            if self.is_ours(below) {
                return below;
            }
        }
        // SAFETY: the head, or a node that this thread holds, as in `unlink`.
        unsafe { link_at(place) }.load(Relaxed)
    }

    /// What stands below the node at `at` (I1).
    #[inline]
    fn below(&self, at: usize, node: &Node) -> usize {
        let below = self.held[at].get().below;
        if self.is_ours(below) { below } else { node.link.load(Relaxed) }
    }

    /// True for the head and for nodes that are in the record.
    #[inline]
    fn is_ours(&self, link: usize) -> bool {
        link == self.head_address() || self.position(link).is_some()
    }

    fn head_address(&self) -> usize {
        std::ptr::from_ref(&self.head().list) as usize
    }

    #[inline]
    fn position(&self, node: usize) -> Option<usize> {
        (0..self.count.get()).rev().find(|&at| self.held[at].get().node == node)
    }

    #[inline]
    fn forget(&self, at: usize) {
        let last = self.count.get() - 1;
        for index in at..last {
            self.held[index].set(self.held[index + 1].get());
        }
        self.count.set(last);
    }
}

/// Tells a foreign node who stands above it now, as the C library expects.
#[cold]
fn set_back(link: usize, above: usize) {
    let node = link & !FLAG;
    if node != 0 {
        // SAFETY: a node of the C library has its link behind `back`, is held by this thread, and
        // so is mapped and written by this thread only.
        unsafe { link_at(node - size_of::<usize>()) }.store(above, Relaxed);
    }
}

/// The link at an address.
///
/// # Safety
///
/// A link lies there, mapped for as long as the reference is used.
unsafe fn link_at<'a>(address: usize) -> &'a AtomicUsize {
    // SAFETY: the caller vouches for the place; links are aligned like any pointer.
    unsafe { AtomicUsize::from_ptr(address as *mut usize) }
}

#[cfg(test)]
mod tests;
