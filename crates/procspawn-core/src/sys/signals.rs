//! Signals: sending them, and what they do to this process and to those it starts.
#![allow(unsafe_code, reason = "calls the C library where rustix has no safe form")]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;
use rustix::process::Signal;

use super::own_pid;

/// Sends a signal; a process that has ended takes none, which is no error.
pub(crate) fn signal(process: BorrowedFd<'_>, signal: Signal) -> io::Result<()> {
    match rustix::process::pidfd_send_signal(process, signal) {
        // The second is what stands for a process that had ended before it could be watched.
        Ok(()) | Err(Errno::SRCH | Errno::BADF) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sends SIGINT, marked as queued: a fork server's child that has not begun yet can tell it from
/// what a terminal sends to all.
pub(crate) fn interrupt(process: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: all zeroes are a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    info.si_signo = libc::SIGINT;
    info.si_code = libc::SI_QUEUE;
    let request = libc::SYS_pidfd_send_signal;
    // SAFETY: the call reads one `siginfo_t`, which lives on.
    match unsafe { libc::syscall(request, process.as_raw_fd(), libc::SIGINT, &raw const info, 0) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            gone if matches!(gone.raw_os_error(), Some(libc::ESRCH | libc::EBADF)) => Ok(()),
            error => Err(error),
        },
    }
}

/// Runs `body` with every signal blocked that can be, in this thread.
pub(crate) fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `all` is a set of signals to be filled.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: `all` has been filled, `before` is a set to be filled.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let result = body();
    // SAFETY: the call above has filled `before`; it fails for a wrong request only.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    result
}

/// Ignores SIGINT from now on.
pub(crate) fn ignore_interrupts() {
    set_signal(libc::SIGINT, Disposition::Ignore);
}

/// In a child about to execute a program: makes `stdin` its standard input, and signals as a
/// program expects them. False if that fails.
///
/// # Safety
///
/// No signal has a handler in this process; only the errno of this thread is touched.
pub(crate) unsafe fn exec_setup(stdin: c_int) -> bool {
    let mut none = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `none` is a set to be filled.
    unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    // SAFETY: the default disposition runs no code.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    // SAFETY: `none` has been filled.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut()) };
    if stdin == 0 {
        // It is in its place already and must only stay open.
        // SAFETY: the request takes one integer.
        return unsafe { libc::fcntl(0, libc::F_SETFD, 0) } == 0;
    }
    // SAFETY: it replaces standard input in this process, whose table of descriptors is its own.
    #[expect(clippy::disallowed_methods, reason = "nothing here may allocate or panic")]
    unsafe {
        libc::dup2(stdin, 0) == 0
    }
}

/// What a process does when a signal comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Disposition {
    Default,
    Ignore,
}

/// Sets what happens on SIGINT.
pub(crate) fn set_interrupt(disposition: Disposition) {
    set_signal(libc::SIGINT, disposition);
}

/// Has ended children stay until they are reaped, whatever this process was started with.
pub(crate) fn hear_of_children() {
    set_signal(libc::SIGCHLD, Disposition::Default);
}

/// Has SIGINT wait, in this thread and in what is forked from it.
pub(crate) fn block_interrupts() {
    mask_interrupts(libc::SIG_BLOCK);
}

fn mask_interrupts(how: c_int) {
    let set = signals(&[libc::SIGINT]);
    // SAFETY: there is a set, and the mask before is not asked for.
    unsafe { libc::pthread_sigmask(how, &raw const set, std::ptr::null_mut()) };
}

/// Waits until `descriptor` is ready, in a process where SIGINT is blocked, and takes its default
/// effect from then on. Of those that came before, only one sent by [`interrupt`] counts.
pub(crate) fn wait_deaf_to_interrupts(descriptor: BorrowedFd<'_>) {
    extern "C" fn deaf(_: c_int) {}
    // While the wait lasts SIGINT is not blocked. Were it ignored, one that comes between the
    // readiness and the end of the wait would be lost; with a handler it stays pending, as the
    // kernel looks at the descriptor before it looks for signals.
    // SAFETY: the handler does nothing.
    unsafe { libc::signal(libc::SIGINT, deaf as *const () as libc::sighandler_t) };
    let none = signals(&[]);
    let mut poll = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: there is one `pollfd`, and no timeout.
    while unsafe { libc::ppoll(&raw mut poll, 1, std::ptr::null(), &raw const none) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
    let meant = take_pending_interrupt() == Some(libc::SI_QUEUE);
    set_interrupt(Disposition::Default);
    mask_interrupts(libc::SIG_UNBLOCK);
    if meant {
        let _ = rustix::process::kill_process(own_pid(), Signal::INT);
    }
}

/// Takes a SIGINT that is pending and tells its `si_code`.
fn take_pending_interrupt() -> Option<c_int> {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let mut info = MaybeUninit::<libc::siginfo_t>::uninit();
    let set = signals(&[libc::SIGINT]);
    // SAFETY: there is a set, a place for what is told, and a timeout.
    let taken = unsafe { libc::sigtimedwait(&raw const set, info.as_mut_ptr(), &raw const now) };
    // SAFETY: a signal was taken, so the kernel has filled `info`.
    (taken == libc::SIGINT).then(|| unsafe { info.assume_init() }.si_code)
}

/// A set of signals.
fn signals(numbers: &[c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `set` is a set of signals to be filled.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    for number in numbers {
        // SAFETY: `set` has been filled; of a number that is none, nothing comes.
        unsafe { libc::sigaddset(set.as_mut_ptr(), *number) };
    }
    // SAFETY: it has been filled.
    unsafe { set.assume_init() }
}

/// Has writes to a closed pipe fail instead of killing the process, as std does before `main`.
pub(crate) fn ignore_broken_pipes() {
    set_signal(libc::SIGPIPE, Disposition::Ignore);
}

fn set_signal(number: c_int, disposition: Disposition) {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
    };
    // SAFETY: both dispositions run no code of ours.
    unsafe { libc::signal(number, handler) };
}
