//! One processor for all.
//!
//! The harness and its victim take turns and never run at once; on one processor a turn costs half
//! of what it costs across two. What a survivor does is then the same from run to run, too.

use rustix::thread::CpuSet;

/// Keeps this process, and so its children, on the processor that it runs on.
pub(crate) fn pin() {
    let mut set = CpuSet::new();
    set.set(rustix::thread::sched_getcpu());
    // Where it is not allowed, the harness is slower and no less right.
    let _ = rustix::thread::sched_setaffinity(None, &set);
}
