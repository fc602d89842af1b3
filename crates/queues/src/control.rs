//! What the processes of a queue share besides the ring: positions, locks, and who is out of it.
//!
//! Each line of the cache has one kind of writer. The constants and what ends a queue are read at
//! every turn and written hardly ever; each side's lock and what it remembers of the other side are
//! its own; the two marks are written by one side and read by the other, as rarely as it can.

use crossbeam_utils::CachePadded;
use ipc_shm::Shareable;
use sync_primitives::Mutex;

use crate::gate::Gate;
use crate::mark::Mark;
use crate::platform::{AtomicU32, AtomicU64, Ordering};
use crate::shape::Shape;
use crate::takes::Takes;

use Ordering::{Acquire, Relaxed, Release};

/// Nobody can put any more; what is there can be had.
pub(crate) const CLOSED: u32 = 1;
/// What was there has been thrown away as well.
pub(crate) const SHUT_DOWN: u32 = 2;

/// The head of a queue's memory.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Control {
    pub(crate) fixed: CachePadded<Fixed>,
    pub(crate) producers: CachePadded<Mutex<Producers>>,
    /// Up to where items have been put; written by producers under their lock.
    tail: CachePadded<AtomicU64>,
    pub(crate) consumers: CachePadded<Mutex<Consumers>>,
    /// Up to where items have been taken; written by consumers under their lock.
    head: CachePadded<AtomicU64>,
    /// Where consumers wait.
    pub(crate) items: CachePadded<Gate>,
    /// Where producers wait.
    pub(crate) room: CachePadded<Gate>,
    /// Where those wait who join.
    pub(crate) joined: CachePadded<Gate>,
    pub(crate) takes: Takes,
}

/// What hardly ever changes.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Fixed {
    cycle: u32,
    room: u32,
    first: u32,
    items: u32,
    counts_tasks: u32,
    closed: AtomicU32,
    /// How many units of the ring have memory; written by the holder of the producers' lock.
    resident: AtomicU32,
    /// How often a process has let go of its last sender, and of its last receiver: a reason for the
    /// others to ask the kernel whether that was the last of all.
    pub(crate) senders_gone: AtomicU32,
    pub(crate) receivers_gone: AtomicU32,
}

/// What producers remember of the other side. It is behind the truth at most, which only makes the
/// queue look fuller; so a death needs no repair.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Producers {
    /// Before this unit, the ring is free.
    pub(crate) freed: u32,
    /// Where the ring goes on if it has jumped over everything; else 0, or where no tail comes.
    pub(crate) beyond: u32,
    /// How many items have been taken.
    pub(crate) taken: u32,
    /// The tag of the last descriptors that were put.
    pub(crate) last_tag: u64,
}

/// What consumers remember of the other side, likewise.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Consumers {
    pub(crate) tail: u64,
    /// The tag of the last descriptors that were taken from the head.
    pub(crate) last_tag: u64,
}

impl Control {
    pub(crate) fn new(shape: Shape) -> Control {
        Control {
            fixed: CachePadded::new(Fixed::new(shape)),
            producers: CachePadded::new(Mutex::new(Producers {
                freed: 0,
                beyond: 0,
                taken: 0,
                last_tag: 0,
            })),
            tail: CachePadded::new(AtomicU64::new(0)),
            consumers: CachePadded::new(Mutex::new(Consumers { tail: 0, last_tag: 0 })),
            head: CachePadded::new(AtomicU64::new(0)),
            items: CachePadded::new(Gate::new()),
            room: CachePadded::new(Gate::new()),
            joined: CachePadded::new(Gate::new()),
            takes: Takes::new(),
        }
    }

    /// Where the producers stand; what they have put up to there can be read.
    #[inline]
    pub(crate) fn tail(&self) -> Mark {
        Mark::from_word(self.tail.load(Acquire)) // Pairs with `set_tail`.
    }

    /// Commits what has been put up to `mark`.
    #[inline]
    pub(crate) fn set_tail(&self, mark: Mark) {
        self.tail.store(mark.word(), Release);
    }

    /// Where the consumers stand; what lies before can be written over, unless it is in `takes`.
    #[inline]
    pub(crate) fn head(&self) -> Mark {
        Mark::from_word(self.head.load(Acquire)) // Pairs with `set_head`.
    }

    /// Commits that items have been taken up to `mark`.
    #[inline]
    pub(crate) fn set_head(&self, mark: Mark) {
        self.head.store(mark.word(), Release);
    }

    /// How many items lie in the ring, at one instant.
    pub(crate) fn queued(&self) -> u32 {
        loop {
            let (head, tail) = (self.head(), self.tail());
            if self.head() == head {
                return tail.items_since(head);
            }
        }
    }
}

impl Fixed {
    fn new(shape: Shape) -> Fixed {
        let zero = || AtomicU32::new(0);
        Fixed {
            cycle: shape.cycle,
            room: shape.room,
            first: shape.first,
            items: shape.items,
            counts_tasks: shape.counts_tasks,
            closed: zero(),
            resident: AtomicU32::new(shape.first),
            senders_gone: zero(),
            receivers_gone: zero(),
        }
    }

    /// What the memory says the queue is; to be checked.
    pub(crate) fn shape(&self) -> Shape {
        Shape {
            cycle: self.cycle,
            room: self.room,
            first: self.first,
            items: self.items,
            counts_tasks: self.counts_tasks,
        }
    }

    /// 0, [`CLOSED`] or [`SHUT_DOWN`].
    #[inline]
    pub(crate) fn closed(&self) -> u32 {
        self.closed.load(Acquire) // Pairs with `close`.
    }

    /// Ends the queue, or ends it more than before.
    pub(crate) fn close(&self, how: u32) {
        self.closed.fetch_max(how, Release);
    }

    #[inline]
    pub(crate) fn resident(&self) -> u32 {
        self.resident.load(Relaxed) // The producers' lock orders it.
    }

    pub(crate) fn set_resident(&self, units: u32) {
        self.resident.store(units, Relaxed);
    }
}
