//! Executes a program the quick way: by `clone3` with the parent's memory, instead of
//! `posix_spawn`.
//!
//! It is what `posix_spawn` does, less the 126 calls by which glibc resets every signal
//! (`CLONE_CLEAR_SIGHAND` has the kernel do it), and it gives a descriptor for the child
//! (`CLONE_PIDFD`) in the same step: a host that ignores SIGCHLD or reaps whatever it finds cannot
//! get in between. Where the kernel is older than 5.5, forbids the call, or is for a processor not
//! known here, std's way is taken.
//!
//! What the child does up to `execve` it does in its parent's memory, on a stack of its own, while
//! the calling thread is held still by the kernel (`CLONE_VFORK`). So it only makes system calls;
//! all signals are blocked from before the clone until no handler is left that could run.
#![allow(unsafe_code, reason = "clones with shared memory")]

use std::ffi::{CString, OsStr, c_char, c_int, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::process::Pid;

use crate::sys;

/// Room for the child's few calls; it touches the uppermost page or two.
const STACK: usize = 16 * 1024;

/// Strings as `execve` wants them, in one block: a start of a process is no time for many small
/// ones.
#[derive(Default)]
struct Strings {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

/// What the child reads, and where it leaves word if it fails.
struct Launch {
    path: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    stdin: c_int,
    errno: c_int,
}

/// The kernel's `struct clone_args`, in its first version.
#[repr(C, align(8))]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}
const _: () = assert!(size_of::<CloneArgs>() == 64);

/// Executes `path` with the arguments and environment of this process, `stdin` as standard input,
/// no signal blocked or handled.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`] if this way is not open; what the system says of anything else.
pub(crate) fn execute(path: &OsStr, stdin: BorrowedFd<'_>) -> io::Result<(Pid, OwnedFd)> {
    let path = CString::new(path.as_bytes())?;
    let mut arguments = Strings::default();
    std::env::args_os().for_each(|argument| arguments.push(&[argument.as_bytes()]));
    let mut environment = Strings::default();
    std::env::vars_os()
        .for_each(|(name, value)| environment.push(&[name.as_bytes(), b"=", value.as_bytes()]));
    let (argument_list, environment_list) = (arguments.pointers(), environment.pointers());
    let mut launch = Launch {
        path: path.as_ptr(),
        arguments: argument_list.as_ptr(),
        environment: environment_list.as_ptr(),
        stdin: stdin.as_raw_fd(),
        errno: 0,
    };
    let (pid, process) = sys::with_signals_blocked(|| clone(&mut launch))?;
    if launch.errno == 0 {
        return Ok((pid, process));
    }
    // It has ended without executing anything, and nobody else can know of it.
    let _ = sys::reap_blocking(&process);
    Err(io::Error::from_raw_os_error(launch.errno))
}

impl Strings {
    /// Adds a string made of `parts`. Those of this process come from C strings and hold no zero.
    fn push(&mut self, parts: &[&[u8]]) {
        self.starts.push(self.bytes.len());
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.bytes.push(0);
    }

    /// The strings' addresses, and a null one at the end.
    fn pointers(&self) -> Vec<*const c_char> {
        let address = |start: &usize| self.bytes[*start..].as_ptr().cast();
        self.starts.iter().map(address).chain([std::ptr::null()]).collect()
    }
}

/// Clones a child that runs [`child`] and waits until it has executed or ended.
fn clone(launch: &mut Launch) -> io::Result<(Pid, OwnedFd)> {
    let mut stack = Vec::<MaybeUninit<u128>>::with_capacity(STACK / size_of::<u128>());
    let mut pidfd: c_int = -1;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD;
    /// Resets handled signals; from the kernel's `sched.h`.
    const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;
    let args = CloneArgs {
        flags: flags as u64 | CLONE_CLEAR_SIGHAND,
        pidfd: (&raw mut pidfd).addr() as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.as_mut_ptr().addr() as u64,
        stack_size: STACK as u64,
        ..CloneArgs::default()
    };
    // SAFETY: `args` is a clone_args of the size passed, whose stack is ours, 16-aligned and
    // unused; `child` never returns and, the caller having blocked all signals, runs alone on
    // that stack while this thread is suspended, so `launch` is not accessed by both at once.
    let result = unsafe { clone3(&args, child, (&raw mut *launch).cast()) };
    let pid = c_int::try_from(result).ok().filter(|pid| *pid > 0);
    match pid.and_then(Pid::from_raw) {
        Some(pid) => {
            // SAFETY: the clone succeeded, so the kernel has put a fresh descriptor there.
            Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
        }
        None => Err(match -result as i32 {
            libc::ENOSYS | libc::EINVAL | libc::EPERM => io::ErrorKind::Unsupported.into(),
            errno => io::Error::from_raw_os_error(errno),
        }),
    }
}

/// The child: makes the socket its standard input and executes the program.
extern "C" fn child(launch: *mut c_void) -> ! {
    // SAFETY: the parent is suspended and keeps its `launch` for us alone until the exec.
    let launch = unsafe { &mut *launch.cast::<Launch>() };
    // SAFETY: `CLONE_CLEAR_SIGHAND` has left no handler.
    if unsafe { sys::exec_setup(launch.stdin) } {
        // SAFETY: these are a C string and two lists of them that end with null, which the parent
        // keeps.
        unsafe { libc::execve(launch.path, launch.arguments, launch.environment) };
    }
    launch.errno = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL);
    sys::leave(127)
}

/// The system call, after which the child goes on in `entry` on its own stack.
///
/// Gives the child's pid, or an error number below zero.
///
/// # Safety
///
/// `args` names a stack that is free, and `entry` never returns.
#[cfg(target_arch = "x86_64")]
unsafe fn clone3(
    args: &CloneArgs,
    entry: extern "C" fn(*mut c_void) -> !,
    argument: *mut c_void,
) -> i64 {
    let result: i64;
    // SAFETY: in the parent this is a plain system call. The child comes out of it with all
    // registers as they are here but for the stack pointer, and calls `entry`, so it never
    // reaches Rust's code below.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, {argument}",
            "call {entry}",
            "ud2",
            "2:",
            argument = in(reg) argument,
            entry = in(reg) entry,
            inlateout("rax") libc::SYS_clone3 => result,
            in("rdi") args,
            in("rsi") size_of::<CloneArgs>(),
            out("rcx") _,
            out("r11") _,
        );
    }
    result
}

/// As above.
#[cfg(target_arch = "aarch64")]
unsafe fn clone3(
    args: &CloneArgs,
    entry: extern "C" fn(*mut c_void) -> !,
    argument: *mut c_void,
) -> i64 {
    let result: i64;
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, {argument}",
            "blr {entry}",
            "brk 1",
            "2:",
            argument = in(reg) argument,
            entry = in(reg) entry,
            in("x8") libc::SYS_clone3,
            inlateout("x0") std::ptr::from_ref(args) => result,
            in("x1") size_of::<CloneArgs>(),
        );
    }
    result
}

/// Not known here: std's way is taken.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn clone3(_: &CloneArgs, _: extern "C" fn(*mut c_void) -> !, _: *mut c_void) -> i64 {
    -i64::from(libc::ENOSYS)
}
