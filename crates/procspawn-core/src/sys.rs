//! Every system and C library call of this crate, so that a second platform is one file.
//!
//! What it must provide: fork, descriptors for processes (to wait on, signal and reap), the hooks
//! of an orderly exit, a signal by the kernel when a pipe's last writer is gone, and the number of
//! threads.
#![allow(unsafe_code, reason = "calls the C library where rustix has no safe form")]

use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, epoll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use crate::outcome::ExitStatus;

/// Nothing in the kernel answers for a process that has been reaped by someone else.
#[derive(Debug)]
pub(crate) struct Reaped;

/// A descriptor for the process `pid`, which must be a child that has not been reaped, or this one.
pub(crate) fn open_process(pid: Pid) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}

/// This process.
pub(crate) fn own_pid() -> Pid {
    rustix::process::getpid()
}

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

/// A descriptor that is readable from the start, as that of a process that has ended.
pub(crate) fn ready() -> io::Result<OwnedFd> {
    Ok(rustix::event::eventfd(1, rustix::event::EventfdFlags::CLOEXEC)?)
}

/// Reaps a child that has ended; `None` while it runs.
pub(crate) fn reap(process: BorrowedFd<'_>) -> Result<Option<ExitStatus>, Reaped> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    loop {
        match rustix::process::waitid(WaitId::PidFd(process), options) {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => {
                return Ok(Some(match status.exit_status() {
                    Some(code) => ExitStatus::Code(code),
                    None => ExitStatus::Signal {
                        signal: status.terminating_signal().unwrap_or_default(),
                        core_dumped: status.dumped(),
                    },
                }));
            }
            Err(Errno::INTR) => {}
            Err(_) => return Err(Reaped),
        }
    }
}

/// Waits for a child to end and reaps it.
pub(crate) fn reap_blocking(process: &OwnedFd) -> Result<(), Reaped> {
    wait(process.as_fd(), None).map_err(|_| Reaped)?;
    reap(process.as_fd()).map(|_| ())
}

/// How a process that someone else has reaped ended, as far as the kernel (6.15 or newer)
/// remembers.
pub(crate) fn remembered_status(process: BorrowedFd<'_>) -> Option<ExitStatus> {
    /// The first version of the kernel's `struct pidfd_info`.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    const _: () = assert!(size_of::<Info>() == 64);
    const PIDFD_GET_INFO: libc::Ioctl =
        ((3u64 << 30) | ((size_of::<Info>() as u64) << 16) | (0xff << 8) | 11) as libc::Ioctl;
    const PIDFD_INFO_EXIT: u64 = 1 << 3;

    let mut info = Info { mask: PIDFD_INFO_EXIT, ..Info::default() };
    // SAFETY: the request's number says that it reads and writes 64 bytes, which `info` has.
    let result = unsafe { libc::ioctl(process.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    if result != 0 || info.mask & PIDFD_INFO_EXIT == 0 {
        return None;
    }
    let signal = info.exit_code & 0x7f;
    Some(if signal == 0 {
        ExitStatus::Code((info.exit_code >> 8) & 0xff)
    } else {
        ExitStatus::Signal { signal, core_dumped: info.exit_code & 0x80 != 0 }
    })
}

/// Kills and reaps a child that has just been started and that nobody can watch.
pub(crate) fn abandon(pid: Pid) {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    if rustix::process::waitid(WaitId::Pid(pid), look).is_err() {
        // Somebody else has reaped it, and by now the pid may be another's.
        return;
    }
    // It has not been reaped, so the pid is its own; that it has ended by itself is no error.
    let _ = rustix::process::kill_process(pid, Signal::KILL);
    let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
}

/// Waits until one of `descriptors` is ready (or has ended), and says which are.
pub(crate) fn wait_any(
    descriptors: &[BorrowedFd<'_>],
    deadline: Option<Instant>,
) -> io::Result<Vec<bool>> {
    let mut polls: Vec<_> = descriptors.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
    loop {
        match rustix::event::poll(&mut polls, remaining(deadline).as_ref()) {
            Err(Errno::INTR) => {}
            Ok(0) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
            Ok(_) => return Ok(polls.iter().map(|poll| !poll.revents().is_empty()).collect()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until `descriptor` is ready; false when the deadline passes first.
pub(crate) fn wait(descriptor: BorrowedFd<'_>, deadline: Option<Instant>) -> io::Result<bool> {
    Ok(wait_any(&[descriptor], deadline)?[0])
}

fn remaining(deadline: Option<Instant>) -> Option<Timespec> {
    let left = deadline?.saturating_duration_since(Instant::now());
    Some(Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }))
}

/// A set of watched descriptors.
pub(crate) fn epoll() -> io::Result<OwnedFd> {
    Ok(epoll::create(epoll::CreateFlags::CLOEXEC)?)
}

/// Watches `descriptor` until it has been readable once.
pub(crate) fn watch_once(set: &OwnedFd, descriptor: &OwnedFd, token: u64) -> io::Result<()> {
    let interest = epoll::EventFlags::IN | epoll::EventFlags::ONESHOT;
    Ok(epoll::add(set, descriptor, epoll::EventData::new_u64(token), interest)?)
}

/// Ends the watch of `descriptor`, which is still open.
pub(crate) fn unwatch(set: &OwnedFd, descriptor: &OwnedFd) {
    // One that is not in the set (it could not be added) need not be taken out.
    let _ = epoll::delete(set, descriptor);
}

/// Waits for watched descriptors that are ready, and puts their tokens into `tokens`.
pub(crate) fn wait_watched(set: &OwnedFd, tokens: &mut Vec<u64>) {
    let mut events = Vec::with_capacity(64);
    // A wait that a signal interrupts has brought nothing; the next one will.
    let _ = epoll::wait(set, rustix::buffer::spare_capacity(&mut events), None);
    tokens.clear();
    tokens.extend(events.iter().map(|event: &epoll::Event| event.data.u64()));
}

/// The point in time after `timeout`; `None` (never) for one that is too far away.
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

/// Forks; `None` in the child.
///
/// # Safety
///
/// The child may only call what is async-signal-safe unless the process has a single thread:
/// another thread's locks would stay locked for ever.
pub(crate) unsafe fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: the caller answers for what the child does.
    let pid = unsafe { libc::fork() };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Pid::from_raw(pid))
}

/// How many threads this process has.
pub(crate) fn thread_count() -> io::Result<usize> {
    // Each thread is a folder in this one, and a folder's links are its subfolders and two.
    let links = rustix::fs::stat("/proc/self/task")?.st_nlink;
    Ok(usize::try_from(links).unwrap_or(usize::MAX).saturating_sub(2))
}

/// Writes out what C code has buffered, so that a forked child does not write it again.
pub(crate) fn flush_c_streams() {
    // SAFETY: a null stream means all of them.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Has `hook` called at the orderly exit of this process, before hooks registered earlier.
pub(crate) fn at_exit(hook: extern "C" fn()) {
    // SAFETY: `hook` is a function of the program, which stays loaded.
    unsafe { libc::atexit(hook) };
}

/// Has `hook` called with the full code of `exit` at the orderly exit of this process.
///
/// False where the C library cannot tell.
pub(crate) fn on_exit(hook: extern "C" fn(c_int, *mut c_void)) -> bool {
    #[cfg(target_env = "gnu")]
    {
        unsafe extern "C" {
            fn on_exit(hook: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
        }
        // SAFETY: `hook` is a function of the program, which stays loaded, and ignores its
        // argument.
        unsafe { on_exit(hook, std::ptr::null_mut()) == 0 }
    }
    #[cfg(not(target_env = "gnu"))]
    {
        let _ = hook;
        false
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

/// Opens the read end of a pipe once more, as an open file of its own.
pub(crate) fn reopen(pipe: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Has the kernel kill this process as soon as `pipe`, an open file of our own, loses its last
/// writer.
pub(crate) fn die_without_writer(pipe: BorrowedFd<'_>) -> io::Result<()> {
    /// `F_SETSIG` of the kernel's `fcntl.h`: which signal tells of readiness.
    const F_SETSIG: c_int = 10;
    let requests = [
        (libc::F_SETOWN, own_pid().as_raw_nonzero().get()),
        (F_SETSIG, libc::SIGKILL),
        (libc::F_SETFL, libc::O_ASYNC | libc::O_NONBLOCK),
    ];
    for (request, argument) in requests {
        // SAFETY: each of these requests takes one integer and touches no memory.
        if unsafe { libc::fcntl(pipe.as_raw_fd(), request, argument) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Standard input, whatever it is.
pub(crate) fn stdin() -> BorrowedFd<'static> {
    rustix::stdio::stdin()
}

/// A pipe, closed on exec: the end to read, and the end to write.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}

/// Makes standard input end at once, whatever it was.
pub(crate) fn detach_stdin() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::stdio::dup2_stdin(&null)?)
}

/// A duplicate of a descriptor, closed on exec.
pub(crate) fn duplicate(descriptor: impl AsFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(descriptor, 3)?)
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

/// Opens `/dev/null` for each standard stream that is closed, as std does before `main`: a file opened
/// later must not become standard output by chance.
pub(crate) fn open_missing_streams() {
    for number in 0..=2 {
        // SAFETY: the request takes no argument and only looks.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0 {
            continue;
        }
        // The lowest number that is free is this one. Without it there is nothing better to be done.
        let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty());
        let _ = null.map(OwnedFd::into_raw_fd);
    }
}

fn set_signal(number: c_int, disposition: Disposition) {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
    };
    // SAFETY: both dispositions run no code of ours.
    unsafe { libc::signal(number, handler) };
}

/// Ends this process at once, running no hooks.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` may be called at any time.
    unsafe { libc::_exit(code) }
}

/// Names the calling thread (and thereby, if it is the first one, the process) in the system's
/// lists.
pub(crate) fn set_thread_name(name: &str) {
    // The kernel keeps 15 bytes and a zero.
    let mut bytes = [0; 16];
    bytes.iter_mut().take(15).zip(name.bytes()).for_each(|(to, from)| *to = from);
    if let Ok(name) = CStr::from_bytes_until_nul(&bytes) {
        // A name is a courtesy to people; without one everything works.
        let _ = rustix::thread::set_name(name);
    }
}
