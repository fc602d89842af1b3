//! The memory between the pool and one of its workers.
//!
//! Nobody but these two touches it, and no step of either takes a lock. It has three parts:
//!
//! * **Slots**, one for each task that was handed over, used round and round. Tasks have positions,
//!   0, 1, 2 and so on, and the worker takes them in this order.
//! * **Arguments**, a ring of bytes that the pool writes.
//! * **Records**, a ring of bytes that the worker writes: what came of each call.
//!
//! A slot's state has the position that it is for:
//!
//! ```text
//!         pool            worker             worker
//! empty ───────► ready(p) ──────► claimed(p) ──────► ready(p + SLOTS), by the pool again
//!                   │ pool
//!                   ▼
//!               revoked(p), which the worker passes over
//! ```
//!
//! Both take the step from `ready` by compare-and-exchange, so exactly one of them has the task:
//! what the pool has revoked has not been begun, and is cancelled, given to another worker or put
//! back.
//!
//! What the pool knows when the worker is dead, whichever instruction was its last:
//!
//! | the worker dies | the slot | progress | the pool |
//! |---|---|---|---|
//! | before it claims | ready | – | gives the task to another worker |
//! | between two calls of a task | claimed | as many as there are records | gives on the calls that have no record |
//! | in a call, or before its record is published | claimed | one more than records | fails this call, gives on the rest |
//! | after the last record | claimed | as many as records | has all values; nothing is lost |
//! | before it rings the bell | | | hears of the death instead, and looks |
//! | while it waits for room, or sleeps | | | the same |
//!
//! A record is written before the head of its ring is stored (Release), and read after the head was
//! loaded (Acquire); the same holds for a slot's contents and its state. The pool's death is the
//! worker's: it is a daemon.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use ipc_shm::{RawArray, Region, ShmError};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sync_primitives::futex;

/// How many tasks a worker can have been handed.
pub(crate) const SLOTS: u64 = 256;
/// How long arguments or a value can be to go through the rings; longer ones go by the socket.
pub(crate) const LONGEST: usize = 32 * 1024;
/// How long each ring is.
pub(crate) const RING: usize = 128 * 1024;

/// How often an idle worker looks before it sleeps; about two microseconds.
const SPINS: u32 = 50;

// What stands where in the words. The pool writes the first line, the worker the second.
const RECORDS_READ: usize = 0;
const ORDERS: usize = 1;
const STOP: usize = 2;
const RECORDS_WRITTEN: usize = 8;
const PASSED: usize = 9;
const PROGRESS: usize = 10;
const STARTED: usize = 11;
const PHASE: usize = 12;
const BUSY: usize = 13;
const WAITED: usize = 14;
const SLOTS_BEGIN: usize = 16;
const SLOT_WORDS: usize = 4;
const WORDS: usize = SLOTS_BEGIN + SLOTS as usize * SLOT_WORDS;

// Words to sleep at, each on a line of its own.
const WORKER_SLEEPS: usize = 0;
const WORKER_WANTS_ROOM: usize = 16;

const READY: u64 = 1;
const CLAIMED: u64 = 2;
const REVOKED: u64 = 3;

/// The pool tells the worker to go once it has nothing to do.
const LEAVE: u64 = 1;

/// How far a worker is with itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Ready,
    /// It could not be made ready, and has written to the socket why.
    Failed,
}

/// What stands in a slot besides its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) function: u32,
    pub(crate) calls: u32,
    /// Where the arguments begin in their ring, and how long they are.
    pub(crate) offset: u32,
    pub(crate) len: u32,
    /// The arguments are in the socket.
    pub(crate) by_socket: bool,
    /// The worker is to note when each call begins.
    pub(crate) timed: bool,
    /// The span in which the task was given; of its number, 48 bits.
    pub(crate) span: u64,
}

/// What the worker finds at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Task(Slot),
    Nothing,
    Revoked,
}

/// The shared memory; both ends have a handle to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lane {
    words: RawArray<u64>,
    sleepers: RawArray<u32>,
    bytes: Region,
    bell: Bell,
}

/// Wakes the pool, all of whose workers share it.
///
/// Two of its threads may sleep there: one that waits for a value and collects what comes
/// meanwhile, and the supervisor, which does so when there is no such thread.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bell(RawArray<u32>);

/// Who sleeps at a bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleeper {
    Supervisor = 0,
    // On another cache line.
    Helper = 16,
}

impl Bell {
    pub(crate) fn new() -> Result<Bell, ShmError> {
        Ok(Bell(RawArray::with_len(32)?))
    }

    /// Wakes the one who collects, if it sleeps, after records have been stored.
    pub(crate) fn ring(&self) {
        if !wake(self.word(Sleeper::Helper)) {
            wake(self.word(Sleeper::Supervisor));
        }
    }

    /// Wakes one of them if it sleeps.
    pub(crate) fn wake(&self, sleeper: Sleeper) {
        wake(self.word(sleeper));
    }

    /// Sleeps until the bell rings or `deadline` has passed, unless `is_needed` says that there is
    /// something to do.
    pub(crate) fn sleep(
        &self,
        sleeper: Sleeper,
        deadline: Option<std::time::Instant>,
        is_needed: impl FnOnce() -> bool,
    ) {
        sleep(self.word(sleeper), deadline, is_needed);
    }

    fn word(&self, sleeper: Sleeper) -> &AtomicU32 {
        &self.0.as_atomics()[sleeper as usize]
    }
}

/// Sleeps at a word that one thread sleeps at and others wake.
///
/// The lowest bit says that it sleeps, and is its own to change; the others count wakes. The
/// sleeper sets the bit and then looks; a waker stores what there is to see and then looks at the
/// bit. The fences order the two steps of each, so one of them sees the other. The count keeps a
/// sleeper awake that was woken between its look and its sleep. As no waker takes the bit away, one
/// that dies or is stopped before it has woken anybody keeps no other from doing so.
fn sleep(word: &AtomicU32, deadline: Option<std::time::Instant>, is_needed: impl FnOnce() -> bool) {
    let value = word.fetch_or(1, Ordering::Relaxed) | 1;
    fence(Ordering::SeqCst);
    if !is_needed() {
        futex::wait(word, value, deadline);
    }
    word.fetch_and(!1, Ordering::Relaxed);
    // Who saw the bit has stored what there is to see before; it is seen from here on.
    fence(Ordering::SeqCst);
}

/// See [`sleep`]. False if nobody slept.
fn wake(word: &AtomicU32) -> bool {
    fence(Ordering::SeqCst);
    let sleeps = word.load(Ordering::Relaxed) & 1 == 1;
    if sleeps {
        word.fetch_add(2, Ordering::Relaxed);
        futex::wake(word, 1);
    }
    sleeps
}

impl Lane {
    pub(crate) fn new(bell: Bell) -> Result<Lane, ShmError> {
        Ok(Lane {
            words: RawArray::with_len(WORDS)?,
            sleepers: RawArray::with_len(32)?,
            bytes: Region::new(2 * RING)?,
            bell,
        })
    }

    pub(crate) fn bell(&self) -> &Bell {
        &self.bell
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        &self.words.as_atomics()[index]
    }

    fn slot(&self, position: u64) -> &[AtomicU64] {
        let begin = SLOTS_BEGIN + (position % SLOTS) as usize * SLOT_WORDS;
        &self.words.as_atomics()[begin..begin + SLOT_WORDS]
    }

    // ---- The pool's steps.

    /// Hands over a task whose arguments are in place.
    pub(crate) fn publish(&self, position: u64, slot: Slot) {
        let words = self.slot(position);
        let flags = u64::from(slot.by_socket) | u64::from(slot.timed) << 1 | slot.span << 16;
        // Relaxed: the store of the state below publishes them.
        words[1].store(u64::from(slot.function) | u64::from(slot.calls) << 32, Ordering::Relaxed);
        words[2].store(u64::from(slot.offset) | u64::from(slot.len) << 32, Ordering::Relaxed);
        words[3].store(flags, Ordering::Relaxed);
        // Release: pairs with the worker's claim.
        words[0].store(position << 2 | READY, Ordering::Release);
    }

    /// Takes a task back, unless the worker has it.
    pub(crate) fn revoke(&self, position: u64) -> bool {
        let (ready, revoked) = (position << 2 | READY, position << 2 | REVOKED);
        // Relaxed: the task is still in the pool's own memory.
        let state = &self.slot(position)[0];
        state.compare_exchange(ready, revoked, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Whether the worker has claimed a task.
    pub(crate) fn is_claimed(&self, position: u64) -> bool {
        self.slot(position)[0].load(Ordering::Acquire) == position << 2 | CLAIMED
    }

    /// Up to which position the worker is done with the slots.
    pub(crate) fn passed(&self) -> u64 {
        self.word(PASSED).load(Ordering::Acquire)
    }

    /// How many calls of the task at `position` the worker has begun.
    pub(crate) fn begun(&self, position: u64) -> u32 {
        let progress = self.word(PROGRESS).load(Ordering::Acquire);
        if progress >> 32 == position & u64::from(u32::MAX) { progress as u32 } else { 0 }
    }

    /// When the call began that the worker is in, on this machine's monotonic clock.
    pub(crate) fn started(&self) -> u64 {
        self.word(STARTED).load(Ordering::Relaxed)
    }

    /// Writes arguments to their ring.
    pub(crate) fn write_arguments(&self, offset: usize, bytes: &[u8]) {
        self.bytes.write_at(offset, bytes).expect("the pool counts what its ring holds");
    }

    /// Up to where the worker has written records.
    pub(crate) fn records_written(&self) -> u64 {
        self.word(RECORDS_WRITTEN).load(Ordering::Acquire)
    }

    /// True if there are records that the pool has not read.
    pub(crate) fn has_records(&self) -> bool {
        self.records_written() != self.word(RECORDS_READ).load(Ordering::Relaxed)
    }

    /// Copies records out of their ring.
    pub(crate) fn read_records(&self, offset: usize, buffer: &mut [u8]) {
        self.bytes.read_at(RING + offset, buffer).expect("a part of the ring lies within it");
    }

    /// Lets the worker use the room of records again.
    pub(crate) fn free_records(&self, read: u64) {
        self.word(RECORDS_READ).store(read, Ordering::Release);
        wake(&self.sleepers.as_atomics()[WORKER_WANTS_ROOM]);
    }

    /// Wakes the worker if it sleeps, after tasks or orders were stored.
    pub(crate) fn wake_worker(&self) {
        wake(&self.sleepers.as_atomics()[WORKER_SLEEPS]);
    }

    pub(crate) fn order_to_leave(&self) {
        self.word(ORDERS).store(LEAVE, Ordering::Release);
        self.wake_worker();
    }

    /// Asks the call that runs at `position` to stop.
    pub(crate) fn ask_to_stop(&self, position: u64, call: u32) {
        self.word(STOP).store(stop_word(position, call), Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.word(PHASE).load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Failed,
        }
    }

    /// How many nanoseconds the worker has worked, and how many it has waited for work.
    pub(crate) fn times(&self) -> (u64, u64) {
        (self.word(BUSY).load(Ordering::Relaxed), self.word(WAITED).load(Ordering::Relaxed))
    }

    // ---- The worker's steps.

    /// Claims the task at `position`.
    pub(crate) fn claim(&self, position: u64) -> Found {
        let words = self.slot(position);
        let (ready, claimed) = (position << 2 | READY, position << 2 | CLAIMED);
        let claim = words[0].compare_exchange(ready, claimed, Ordering::AcqRel, Ordering::Relaxed);
        match claim {
            Ok(_) => Found::Task(Slot {
                function: words[1].load(Ordering::Relaxed) as u32,
                calls: (words[1].load(Ordering::Relaxed) >> 32) as u32,
                offset: words[2].load(Ordering::Relaxed) as u32,
                len: (words[2].load(Ordering::Relaxed) >> 32) as u32,
                by_socket: words[3].load(Ordering::Relaxed) & 1 != 0,
                timed: words[3].load(Ordering::Relaxed) & 2 != 0,
                span: words[3].load(Ordering::Relaxed) >> 16,
            }),
            Err(state) if state == position << 2 | REVOKED => Found::Revoked,
            Err(_) => Found::Nothing,
        }
    }

    /// True if a task waits at `position`, or has been revoked there.
    pub(crate) fn has_task(&self, position: u64) -> bool {
        let state = self.slot(position)[0].load(Ordering::Relaxed);
        state == position << 2 | READY || state == position << 2 | REVOKED
    }

    /// Says that the worker needs the slots before `position` no more.
    pub(crate) fn pass(&self, position: u64) {
        self.word(PASSED).store(position, Ordering::Release);
    }

    /// Says that the worker begins a call, the first being 0.
    pub(crate) fn begin(&self, position: u64, call: u32, timed: bool) {
        if timed {
            self.word(STARTED).store(now(), Ordering::Relaxed);
        }
        let progress = (position & u64::from(u32::MAX)) << 32 | u64::from(call + 1);
        // Release: who sees that it has begun sees when.
        self.word(PROGRESS).store(progress, Ordering::Release);
    }

    /// Copies arguments out of their ring.
    pub(crate) fn read_arguments(&self, slot: Slot, buffer: &mut Vec<u8>) {
        buffer.resize(slot.len as usize, 0);
        self.bytes.read_at(slot.offset as usize, buffer).expect("the pool writes within the ring");
    }

    /// How many bytes of records the pool has read.
    pub(crate) fn records_read(&self) -> u64 {
        self.word(RECORDS_READ).load(Ordering::Acquire)
    }

    pub(crate) fn write_records(&self, offset: usize, bytes: &[u8]) {
        self.bytes.write_at(RING + offset, bytes).expect("the worker counts what its ring holds");
    }

    /// Shows the pool the records up to `written`.
    pub(crate) fn publish_records(&self, written: u64) {
        self.word(RECORDS_WRITTEN).store(written, Ordering::Release);
    }

    /// Sleeps until the pool has read some records, unless it has read up to `read` already.
    pub(crate) fn wait_for_room(&self, read: u64) {
        let word = &self.sleepers.as_atomics()[WORKER_WANTS_ROOM];
        sleep(word, None, || self.records_read() >= read);
    }

    /// Looks for a task for a moment, which costs less than to sleep if it comes soon.
    pub(crate) fn spin_for_task(&self, position: u64) -> bool {
        (0..SPINS).any(|_| {
            std::hint::spin_loop();
            self.has_task(position)
        })
    }

    /// Sleeps until there is a task at `position`, or an order.
    pub(crate) fn wait_for_task(&self, position: u64) {
        let word = &self.sleepers.as_atomics()[WORKER_SLEEPS];
        sleep(word, None, || self.has_task(position) || self.is_to_leave());
    }

    pub(crate) fn is_to_leave(&self) -> bool {
        self.word(ORDERS).load(Ordering::Acquire) == LEAVE
    }

    /// Whether the call that runs should stop.
    pub(crate) fn is_to_stop(&self) -> bool {
        let progress = self.word(PROGRESS).load(Ordering::Relaxed);
        progress != 0 && self.word(STOP).load(Ordering::Relaxed) == progress
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        let number = match phase {
            Phase::Starting => 0,
            Phase::Ready => 1,
            Phase::Failed => 2,
        };
        self.word(PHASE).store(number, Ordering::Release);
    }

    /// Notes for the statistics how long the worker has worked and waited.
    pub(crate) fn note_times(&self, worked: u64, waited: u64) {
        self.word(BUSY).store(worked, Ordering::Relaxed);
        self.word(WAITED).store(waited, Ordering::Relaxed);
    }
}

/// A call that is asked to stop is named as the progress names it.
fn stop_word(position: u64, call: u32) -> u64 {
    (position & u64::from(u32::MAX)) << 32 | u64::from(call + 1)
}

/// Nanoseconds of the monotonic clock, which all processes share.
pub(crate) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
