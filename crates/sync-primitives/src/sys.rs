//! Every system call of this crate, so that a second platform is one file.
//!
//! What it must provide: waiting for one word or for any of several until a deadline, waking, the
//! head of the list of what this thread holds that the kernel goes through when the thread dies,
//! thread numbers and whether one is still in use, and a word that a fork sets to zero.
#![allow(unsafe_code, reason = "asks for the robust list, and maps a page that forks wipe")]

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags};
use rustix::thread::futex::{self, ClockId, Flags, Timespec, WaitFlags, WaitPtr, WaitvFlags};

use crate::deadline::Deadline;
use crate::robust_list::Head;

/// How many words one wait can name (`FUTEX_WAITV_MAX`).
pub(crate) const WORDS_PER_WAIT: usize = 128;

/// For so many words a wait makes little room.
const FEW: usize = 8;

/// How long a wait for several words lasts on a kernel that can only wait for one (before 5.16).
const SLICE_WITHOUT_WAITV: Duration = Duration::from_millis(50);

/// How a wait for several words ended. Whoever waits looks at its words again in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Somebody woke us at the word with this index.
    At(usize),
    /// A word was not as expected, a signal came, or it is time to look again.
    LookAgain,
    /// The deadline has passed.
    TimedOut,
}

/// Sleeps while `word` is `expected`; false when the deadline has passed. May wake up early.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline: Deadline) -> bool {
    let left = deadline.time_left().map(timespec);
    let result = futex::wait(word, Flags::empty(), expected, left.as_ref());
    // The clock may say a little less than the deadline; the caller looks at it again.
    !matches!(result, Err(Errno::TIMEDOUT)) || !deadline.is_past()
}

/// Sleeps while every word is as expected. At most [`WORDS_PER_WAIT`] words.
pub(crate) fn wait_any(words: &[(&AtomicU32, u32)], deadline: Deadline) -> Woken {
    // Clearing room for all would take longer than the rest, and mostly there are two.
    match words.len() {
        0..=FEW => wait_in(&mut [futex::Wait::new(); FEW], words, deadline),
        _ => wait_in(&mut [futex::Wait::new(); WORDS_PER_WAIT], words, deadline),
    }
}

fn wait_in(room: &mut [futex::Wait], words: &[(&AtomicU32, u32)], deadline: Deadline) -> Woken {
    let waits = &mut room[..words.len()];
    for (wait, (word, expected)) in waits.iter_mut().zip(words) {
        wait.val = u64::from(*expected);
        wait.uaddr = WaitPtr::new(word.as_ptr().cast());
        wait.flags = WaitFlags::SIZE_U32;
    }
    let until = deadline.time_left().map(from_now);
    match futex::waitv(waits, WaitvFlags::empty(), until.as_ref(), ClockId::Monotonic) {
        Ok(index) => Woken::At(index),
        Err(Errno::TIMEDOUT) if deadline.is_past() => Woken::TimedOut,
        Err(Errno::NOSYS) => wait_for_first(words, deadline),
        Err(_) => Woken::LookAgain,
    }
}

/// True if the kernel can wait for several words.
pub(crate) fn knows_waitv() -> bool {
    let result = futex::waitv(&[], WaitvFlags::empty(), None, ClockId::Monotonic);
    result != Err(Errno::NOSYS)
}

/// The kernel knows no wait for several words: waits for the first, and looks at all soon.
fn wait_for_first(words: &[(&AtomicU32, u32)], deadline: Deadline) -> Woken {
    let (word, expected) = words[0];
    wait(word, expected, deadline.within(SLICE_WITHOUT_WAITV));
    if deadline.is_past() { Woken::TimedOut } else { Woken::LookAgain }
}

/// Wakes up to `count` threads that sleep at `word`, in any process; tells how many.
pub(crate) fn wake(word: &AtomicU32, count: u32) -> usize {
    // It fails for a word that is not mapped only, and a reference is.
    futex::wake(word, Flags::empty(), count.min(i32::MAX as u32)).unwrap_or(0)
}

fn timespec(left: Duration) -> Timespec {
    Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

fn from_now(left: Duration) -> Timespec {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.checked_add(timespec(left)).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

/// This thread's number, as the kernel compares it with lock words.
pub(crate) fn thread_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

/// True if no thread of this number in our pid namespace can hold a lock: there is none, or it has
/// ended and nobody has waited for it yet, when the kernel has forgotten its list already.
pub(crate) fn thread_is_gone(tid: u32) -> bool {
    let Ok(tid) = libc::pid_t::try_from(tid) else { return false };
    match robust_list_of(tid) {
        Ok(head) => tid > 0 && head.is_none(),
        Err(error) => error == Errno::SRCH,
    }
}

/// The number of our pid namespace, if `/proc` tells.
pub(crate) fn pid_namespace() -> Option<u32> {
    let status = rustix::fs::stat("/proc/self/ns/pid").ok()?;
    u32::try_from(status.st_ino).ok()
}

/// The head of this thread's robust list, which the C library has registered, if it has.
pub(crate) fn robust_list() -> Option<NonNull<Head>> {
    robust_list_of(0).ok().flatten()
}

/// Where the robust list of a thread begins, in its memory; 0 is the calling thread.
fn robust_list_of(tid: libc::pid_t) -> rustix::io::Result<Option<NonNull<Head>>> {
    let (mut head, mut length) = (std::ptr::null_mut::<Head>(), 0_usize);
    // SAFETY: both places are ours to write.
    let result = unsafe { libc::syscall(libc::SYS_get_robust_list, tid, &mut head, &mut length) };
    if result != 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL));
    }
    if length == size_of::<Head>() { Ok(NonNull::new(head)) } else { Err(Errno::INVAL) }
}

/// A word in a page that reads as zero in a forked child.
pub(crate) fn word_wiped_by_fork() -> rustix::io::Result<&'static AtomicU32> {
    let (length, none) = (rustix::param::page_size(), std::ptr::null_mut::<c_void>());
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping at a place that the kernel chooses overlaps nothing.
    let page = unsafe { rustix::mm::mmap_anonymous(none, length, protection, MapFlags::PRIVATE)? };
    // SAFETY: the page is ours, and the advice changes its contents in forked children only.
    unsafe { rustix::mm::madvise(page, length, Advice::LinuxWipeOnFork)? };
    // SAFETY: the page is aligned, zeroed, writable, and never unmapped.
    Ok(unsafe { AtomicU32::from_ptr(page.cast()) })
}
