//! Signal handlers, and system and C library calls that rustix has no safe form of.
#![allow(unsafe_code, reason = "that is what it is for")]

use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use procspawn_core::{JoinHandle, Process, StartError};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Has `handler` called on a signal, and system calls interrupted by it.
pub(crate) fn on_signal(signal: i32, handler: extern "C" fn(i32)) {
    // SAFETY: all zeroes are a valid `sigaction`: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    // SAFETY: the handlers of these tests only touch atomics or make system calls.
    let result = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Ignores a signal, or takes its default action again.
pub(crate) fn set_signal(signal: i32, disposition: libc::sighandler_t) {
    assert!(disposition == libc::SIG_IGN || disposition == libc::SIG_DFL);
    // SAFETY: neither disposition runs code.
    unsafe { libc::signal(signal, disposition) };
}

/// Sends this process SIGALRM again and again.
pub(crate) fn alarm_every(interval: Duration) {
    let interval = libc::timeval {
        tv_sec: interval.as_secs().cast_signed(),
        tv_usec: interval.subsec_micros().into(),
    };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the call reads one `itimerval` and is told not to write one.
    let result =
        unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Reaps one child, any; false if none has ended.
pub(crate) fn reap_any() -> bool {
    let options = rustix::process::WaitOptions::NOHANG;
    matches!(rustix::process::wait(options), Ok(Some(_)))
}

/// Ends this process without any hook.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` may be called at any time.
    unsafe { libc::_exit(code) }
}

/// Has `hook` called at an orderly exit.
pub(crate) fn at_exit(hook: extern "C" fn()) {
    // SAFETY: `hook` is a function of this program.
    assert_eq!(unsafe { libc::atexit(hook) }, 0);
}

/// Writes to C's buffered standard output.
pub(crate) fn c_puts(text: &std::ffi::CStr) {
    // SAFETY: `puts` reads a C string.
    unsafe { libc::puts(text.as_ptr()) };
}

/// Becomes an ordinary user.
pub(crate) fn become_user(uid: u32) {
    // SAFETY: the process has one thread, and nothing relies on its being root.
    assert_eq!(unsafe { libc::setgid(uid) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setuid(uid) }, 0);
}

/// Sets a variable of the environment of this process and those it starts.
pub(crate) fn set_env(name: &str, value: &str) {
    assert_eq!(std::fs::read_dir("/proc/self/task").unwrap().count(), 1);
    // SAFETY: there is no other thread that could read the environment.
    unsafe { std::env::set_var(name, value) };
}

/// Closes a descriptor that nobody owns, or 0 to 2.
pub(crate) fn close(number: i32) {
    // SAFETY: the tests that call this name descriptors that no value of theirs owns.
    unsafe { rustix::io::close(number) };
}

/// Duplicates a descriptor to a number of choice, from which children that are executed inherit it.
pub(crate) fn inheritable_at(number: i32, source: impl AsFd) {
    // SAFETY: the number is free, says the test.
    let result = unsafe { libc::fcntl(source.as_fd().as_raw_fd(), libc::F_DUPFD, number) };
    assert_eq!(result, number);
}

/// Writes out what C has buffered.
pub(crate) fn c_flush() {
    // SAFETY: a null stream means all of them.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Forks in a process that has other threads.
pub(crate) fn fork_unchecked<R: Serialize + DeserializeOwned + 'static>(
    process: Process<R>,
) -> Result<JoinHandle<R>, StartError> {
    // SAFETY: the children of these tests allocate, which glibc allows, and take no lock of another
    // thread.
    unsafe { process.start_fork_unchecked() }
}
