//! What the processes of a priority queue share besides its items: the lock, what its holders
//! remember, and who waits.

use crossbeam_utils::CachePadded;
use ipc_shm::Shareable;
use sync_primitives::Mutex;

use super::size::{FIRST, Size};
use crate::gate::Gate;
use crate::platform::{AtomicU32, Ordering};

use Ordering::{Acquire, Relaxed, Release};

/// The head of a priority queue's memory.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Control {
    pub(crate) fixed: CachePadded<Fixed>,
    pub(crate) state: CachePadded<Mutex<State>>,
    /// How many items there are, for those who look without the lock; written by its holder.
    len: CachePadded<AtomicU32>,
    /// Where consumers wait.
    pub(crate) items: CachePadded<Gate>,
    /// Where producers wait.
    pub(crate) room: CachePadded<Gate>,
}

/// What hardly ever changes.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Fixed {
    room: u32,
    items: u32,
    closed: AtomicU32,
}

/// What the holder of the lock remembers of the items, so that it need not look for them. It follows
/// from them, all but `last_seq`, `used` and `resident`, which are stored before the item that needs
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Shareable)]
#[repr(C)]
pub(crate) struct State {
    /// The number of the last item.
    pub(crate) last_seq: u64,
    /// The items, and so the entries of the heap.
    pub(crate) len: u32,
    /// From this chunk on, none is in use, nor in the list of free ones.
    pub(crate) used: u32,
    /// The first free chunk below `used`, if `free_len` is not 0.
    pub(crate) free: u32,
    /// How many free chunks there are below `used`.
    pub(crate) free_len: u32,
    /// The chunks that have memory.
    pub(crate) resident: u32,
}

impl Control {
    pub(crate) fn new(size: Size) -> Control {
        Control {
            fixed: CachePadded::new(Fixed {
                room: size.room,
                items: size.items,
                closed: AtomicU32::new(0),
            }),
            state: CachePadded::new(Mutex::new(State::empty(0, FIRST))),
            len: CachePadded::new(AtomicU32::new(0)),
            items: CachePadded::new(Gate::new()),
            room: CachePadded::new(Gate::new()),
        }
    }

    /// How many items there are. If somebody died in the middle of an operation, it may be wrong
    /// until the next one has the lock.
    #[inline]
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Relaxed) // Only says whether a look under the lock is worth while.
    }

    #[inline]
    pub(crate) fn set_len(&self, len: u32) {
        self.len.store(len, Relaxed); // As above.
    }
}

impl Fixed {
    /// What the memory says the queue is; to be checked.
    pub(crate) fn size(&self) -> Size {
        Size { room: self.room, items: self.items }
    }

    /// 0, [`CLOSED`](crate::control::CLOSED) or [`SHUT_DOWN`](crate::control::SHUT_DOWN).
    #[inline]
    pub(crate) fn closed(&self) -> u32 {
        self.closed.load(Acquire) // Pairs with `close`.
    }

    /// Ends the queue, or ends it more than before.
    pub(crate) fn close(&self, how: u32) {
        self.closed.fetch_max(how, Release);
    }
}

impl State {
    /// No items.
    pub(crate) fn empty(last_seq: u64, resident: u32) -> State {
        State { last_seq, len: 0, used: 0, free: 0, free_len: 0, resident }
    }

    /// True if a queue of `size` can be so.
    #[inline]
    pub(crate) fn is_sound(&self, size: Size) -> bool {
        let in_use = self.used.wrapping_sub(self.free_len);
        self.resident <= size.room
            && self.used <= self.resident
            && self.free_len <= self.used
            && self.len <= in_use
    }

    /// How many chunks are free, if there are `room`.
    pub(crate) fn left(&self, room: u32) -> u32 {
        self.free_len + (room - self.used)
    }
}
