//! What a scenario's roles call: the marks around the operation, and the wait for a cue.
#![allow(unsafe_code, reason = "traps into the tracer")]

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::board::Slot;

/// Whether this process is traced, so that a trap stops it rather than kills it.
static TRACED: AtomicBool = AtomicBool::new(false);

pub(crate) fn expect_a_tracer() {
    TRACED.store(true, Relaxed);
}

/// Runs `operation` as the part in which the victim is killed at each instruction.
///
/// What comes before prepares it: a lock taken to be unlocked, or the operation once beforehand, if
/// the first use is a scenario of its own. In a process that is not traced there are no marks.
///
/// Inlined so that a place in a failure names the scenario's own function.
#[inline(always)]
pub(crate) fn marked<T>(operation: impl FnOnce() -> T) -> T {
    if !TRACED.load(Relaxed) {
        return operation();
    }
    trap();
    let result = operation();
    trap();
    result
}

/// Says that this guest holds what it should hold, and waits for its cue to go on.
///
/// The cue comes when the victim sleeps, one guest at a time in the order of their arrival, and
/// for all others after the kill. Does nothing in a victim.
pub(crate) fn hold() {
    if !TRACED.load(Relaxed) {
        Slot::own().into_iter().for_each(Slot::hold);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn trap() {
    // SAFETY: stops this process until its tracer lets it go on; registers and stack stay.
    unsafe { std::arch::asm!("int3") }
}

#[cfg(not(target_arch = "x86_64"))]
fn trap() {
    // SAFETY: stops this process until its tracer, who takes the signal, lets it go on.
    unsafe { libc::raise(libc::SIGTRAP) };
}
