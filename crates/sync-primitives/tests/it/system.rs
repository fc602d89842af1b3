//! Forks, signal handlers and C's own mutexes: what Rust has no safe form of.
#![allow(unsafe_code, reason = "that is what it is for")]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use ipc_shm::{Shareable, Shared};
use rustix::process::{Pid, WaitOptions};

/// A process that was forked in the middle of a body.
pub(crate) struct Forked(Pid);

/// Forks this process, which has one thread: `None` in the child, which has to [`leave`].
pub(crate) fn fork() -> Option<Forked> {
    assert_eq!(std::fs::read_dir("/proc/self/task").unwrap().count(), 1);
    // SAFETY: there is one thread, so no lock of another stays locked in the child.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        std::panic::set_hook(Box::new(|panic| {
            eprintln!("in a forked child: {panic}");
            leave(101)
        }));
        return None;
    }
    Some(Forked(Pid::from_raw(pid).expect("fork")))
}

impl Forked {
    /// Waits until the child has left without a complaint.
    #[track_caller]
    pub(crate) fn join(self) {
        let deadline = std::time::Instant::now() + crate::support::PATIENCE;
        loop {
            let status = rustix::process::waitpid(Some(self.0), WaitOptions::NOHANG).unwrap();
            if let Some((_, status)) = status {
                assert_eq!(status.exit_status(), Some(0), "{status:?}");
                return;
            }
            assert!(std::time::Instant::now() < deadline, "the forked child hangs");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the child sleeps in a futex.
    #[track_caller]
    pub(crate) fn wait_asleep(&self) {
        crate::support::wait_for_process(self.0.as_raw_nonzero().get());
    }
}

/// Ends this process without any hook.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` may be called at any time.
    unsafe { libc::_exit(code) }
}

/// Has all further children of this process live in a new pid namespace; false if it may not.
pub(crate) fn enter_pid_namespace() -> bool {
    // SAFETY: it concerns children only.
    unsafe { libc::unshare(libc::CLONE_NEWPID) == 0 }
}

/// Has `handler` called on a signal.
pub(crate) fn on_signal(signal: i32, handler: extern "C" fn(i32)) {
    // SAFETY: all zeroes are a valid `sigaction`: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    // SAFETY: the handlers of these tests do what their documentation calls safe.
    let result = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Sends this process SIGALRM again and again; never, if the interval is zero.
pub(crate) fn alarm_every(interval: Duration) {
    let interval = libc::timeval { tv_sec: 0, tv_usec: interval.subsec_micros().into() };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the call reads one `itimerval` and is told not to write one.
    let result =
        unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Writes over a value in shared memory what `word` gives for each word of it.
pub(crate) fn scribble<T: Shareable>(value: &T, mut word: impl FnMut(usize) -> Option<u32>) {
    for at in 0..size_of::<T>() / 4 {
        if let Some(word) = word(at) {
            word_of(value, at).store(word, Relaxed);
        }
    }
}

/// The word at an index of a value in shared memory.
pub(crate) fn word_of<T: Shareable>(value: &T, at: usize) -> &AtomicU32 {
    assert!(at < size_of::<T>() / 4 && align_of::<T>() >= 4);
    let place = std::ptr::from_ref(value).cast_mut().cast::<u32>();
    // SAFETY: the word lies in the value.
    let place = unsafe { place.add(at) };
    // SAFETY: the value is aligned like a word at least, and writable, as are all in shared memory;
    // it consists of atomics, and of numbers that nobody refers to while a test does this.
    unsafe { AtomicU32::from_ptr(place) }
}

/// A robust mutex of the C library, in shared memory.
pub(crate) type Foreign = Shared<[AtomicU64; 8]>;

fn pointer(foreign: &Foreign) -> *mut libc::pthread_mutex_t {
    const { assert!(size_of::<libc::pthread_mutex_t>() <= 64) };
    std::ptr::from_ref::<[AtomicU64; 8]>(foreign).cast_mut().cast()
}

pub(crate) fn foreign_new() -> Foreign {
    let foreign = Shared::new(std::array::from_fn(|_| AtomicU64::new(0))).unwrap();
    // SAFETY: all zeroes are memory for `pthread_mutexattr_init`.
    let mut attributes: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
    let attributes = &raw mut attributes;
    // SAFETY: the place is ours.
    assert_eq!(unsafe { libc::pthread_mutexattr_init(attributes) }, 0);
    let (shared, robust) = (libc::PTHREAD_PROCESS_SHARED, libc::PTHREAD_MUTEX_ROBUST);
    // SAFETY: they have been initialised.
    assert_eq!(unsafe { libc::pthread_mutexattr_setpshared(attributes, shared) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::pthread_mutexattr_setrobust(attributes, robust) }, 0);
    // SAFETY: there is room for a mutex, and nobody else knows it yet.
    assert_eq!(unsafe { libc::pthread_mutex_init(pointer(&foreign), attributes) }, 0);
    foreign
}

/// Takes the mutex; what `pthread_mutex_lock` says.
pub(crate) fn foreign_lock(foreign: &Foreign) -> i32 {
    // SAFETY: it was initialised before it was shared.
    unsafe { libc::pthread_mutex_lock(pointer(foreign)) }
}

pub(crate) fn foreign_unlock(foreign: &Foreign) {
    // SAFETY: as above; the test holds it.
    assert_eq!(unsafe { libc::pthread_mutex_unlock(pointer(foreign)) }, 0);
}

pub(crate) fn foreign_mark_consistent(foreign: &Foreign) {
    // SAFETY: as above; the test holds it.
    assert_eq!(unsafe { libc::pthread_mutex_consistent(pointer(foreign)) }, 0);
}
