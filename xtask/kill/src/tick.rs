//! A clock that interrupts the harness's waiting, so that every wait can look at its deadline.
//!
//! `waitpid` takes no timeout, and asking it in a loop would cost more than the steps. A signal
//! every half millisecond ends it with EINTR instead. One that comes just before the wait begins is
//! missed; the next one is not.
#![allow(unsafe_code, reason = "installs a signal handler")]

use std::ptr;

const MICROSECONDS: libc::suseconds_t = 500;

extern "C" fn nothing(_: libc::c_int) {}

/// Starts the clock in this process. Children inherit the handler, but not the clock.
pub(crate) fn start() {
    // SAFETY: zero is a value of this plain structure: no flags (no restart, above all), no mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler does nothing, so it is safe at any moment.
    let installed = unsafe { libc::sigaction(libc::SIGALRM, &action, ptr::null_mut()) };
    assert_eq!(installed, 0, "SIGALRM takes a handler");
    let period = libc::timeval { tv_sec: 0, tv_usec: MICROSECONDS };
    let clock = libc::itimerval { it_interval: period, it_value: period };
    // SAFETY: reads the structure above, and writes nothing through the null pointer.
    let started = unsafe { libc::setitimer(libc::ITIMER_REAL, &clock, ptr::null_mut()) };
    assert_eq!(started, 0, "the clock takes a period below a second");
}
