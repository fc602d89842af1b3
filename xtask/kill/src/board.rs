//! What the processes of a run tell each other: a slot for each in memory that all share.
//!
//! A guest says here that it has begun and that it holds what it should hold, and waits here for
//! its cue. A process that fails leaves its message here, since its exit code could not carry it.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize};

use rustix::thread::futex::{self, Flags};

use crate::shared::{Shared, Zeroed};

/// More than are ever alive at once, so that slots may be used in turn.
const SLOTS: usize = 64;
const MESSAGE: usize = 496;
const NOBODY: usize = usize::MAX;

static BOARD: OnceLock<Shared<[Slot; SLOTS]>> = OnceLock::new();

/// The slot of this process; `NOBODY` in the harness itself.
static OWN: AtomicUsize = AtomicUsize::new(NOBODY);

#[repr(C)]
#[derive(Debug)]
pub(crate) struct Slot {
    begun: AtomicU32,
    holding: AtomicU32,
    cued: AtomicU32,
    length: AtomicU32,
    message: [AtomicU8; MESSAGE],
}

// SAFETY: all fields are atomics, for which zero is a value.
#[allow(unsafe_code, reason = "the board lies in shared memory")]
unsafe impl Zeroed for [Slot; SLOTS] {}

impl Slot {
    /// The next slot in turn, wiped.
    pub(crate) fn take() -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let index = NEXT.fetch_add(1, Relaxed) % SLOTS;
        let slot = Self::at(index);
        for word in [&slot.begun, &slot.holding, &slot.cued, &slot.length] {
            word.store(0, Relaxed);
        }
        index
    }

    pub(crate) fn at(index: usize) -> &'static Self {
        &set_up()[index]
    }

    /// The slot of the process that asks; none in the harness.
    pub(crate) fn own() -> Option<&'static Self> {
        let index = OWN.load(Relaxed);
        (index != NOBODY).then(|| Self::at(index))
    }

    /// Makes the slot this process's own; the first thing a child does.
    pub(crate) fn occupy(index: usize) {
        OWN.store(index, Relaxed);
        Self::at(index).begun.store(1, Release);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Acquire) != 0
    }

    pub(crate) fn is_holding(&self) -> bool {
        self.holding.load(Acquire) != 0
    }

    pub(crate) fn is_cued(&self) -> bool {
        self.cued.load(Acquire) != 0
    }

    /// Says that this process holds what it should, and waits for its cue.
    pub(crate) fn hold(&self) {
        self.holding.store(1, Release);
        while !self.is_cued() {
            // Any error means: look again.
            let _ = futex::wait(&self.cued, Flags::empty(), 0, None);
        }
    }

    pub(crate) fn cue(&self) {
        self.cued.store(1, Release);
        // Waking cannot fail for an aligned word of this process.
        let _ = futex::wake(&self.cued, Flags::empty(), 1);
    }

    pub(crate) fn say(&self, message: &str) {
        let bytes = message.as_bytes();
        self.message.iter().zip(bytes).for_each(|(to, from)| to.store(*from, Relaxed));
        self.length.store(bytes.len().min(MESSAGE) as u32, Release);
    }

    pub(crate) fn said(&self) -> String {
        let length = self.length.load(Acquire) as usize;
        let bytes: Vec<u8> =
            self.message.iter().take(length).map(|byte| byte.load(Relaxed)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Maps the board, once, before the first fork; tells where it is.
pub(crate) fn set_up() -> &'static Shared<[Slot; SLOTS]> {
    BOARD.get_or_init(Shared::new)
}
