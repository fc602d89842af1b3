//! Every system and C library call of this crate, here and in the two files below, so that a second
//! platform is one file.
//!
//! What it must provide: fork, descriptors for processes (to wait on, signal and reap), the hooks
//! of an orderly exit, a signal by the kernel when a pipe's last writer is gone, and the number of
//! threads.
#![allow(unsafe_code, reason = "calls the C library where rustix has no safe form")]

mod signals;
mod waiting;

use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use crate::outcome::ExitStatus;

pub(crate) use signals::*;
pub(crate) use waiting::*;

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

/// Opens `/dev/null` for each standard stream that is closed, as std does before `main`: a file
/// opened later must not become standard output by chance.
pub(crate) fn open_missing_streams() {
    for number in 0..=2 {
        // SAFETY: the request takes no argument and only looks.
        if unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0 {
            continue;
        }
        // The lowest number that is free is this one. Without it nothing better can be done.
        let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty());
        let _ = null.map(OwnedFd::into_raw_fd);
    }
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
