//! The children of this process that have not been reaped, and what becomes of them when it exits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::child::Child;
use crate::sys;

/// How long a daemon may take to end after SIGTERM, at the exit of its parent.
const GRACE: Duration = Duration::from_secs(2);

static CHILDREN: Mutex<Vec<Arc<Child>>> = Mutex::new(Vec::new());
/// How many of them nobody will join.
static DETACHED: AtomicUsize = AtomicUsize::new(0);
static EXIT_TIMEOUT: Mutex<Option<Duration>> = Mutex::new(None);

/// The children of this process that still run. Those that have ended are reaped.
///
/// # Examples
///
/// ```
/// assert!(procspawn_core::active_children().is_empty());
/// ```
pub fn active_children() -> Vec<Arc<Child>> {
    let children = children().clone();
    children.into_iter().filter(|child| child.is_alive()).collect()
}

/// Limits how long the orderly exit of this process waits for children that are no daemons; those
/// that still run then are left alone. Without a limit (`None`, the default) it waits as long as
/// they run.
///
/// An orderly exit is the return of `main`, a call of `std::process::exit`, or a panic of the main
/// thread. Daemons are stopped first: SIGTERM, and SIGKILL after two seconds.
pub fn set_exit_timeout(timeout: Option<Duration>) {
    // A limit beyond the end of the clock is none.
    let timeout = timeout.filter(|timeout| Instant::now().checked_add(*timeout).is_some());
    *EXIT_TIMEOUT.lock().unwrap_or_else(PoisonError::into_inner) = timeout;
}

/// Remembers a child until it is reaped.
pub(crate) fn add(child: Arc<Child>) {
    static HOOKED: AtomicBool = AtomicBool::new(false);
    // Relaxed: only whether the hook is registered, and `atexit` has a lock of its own.
    if !HOOKED.swap(true, Ordering::Relaxed) {
        sys::at_exit(at_exit);
    }
    children().push(child);
}

/// Forgets a child that has been reaped.
pub(crate) fn remove(child: &Child) {
    let mut children = children();
    if let Some(at) = children.iter().position(|known| std::ptr::eq(&**known, child)) {
        children.swap_remove(at);
        if child.is_detached() {
            DETACHED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Notes that nobody will join `child`, so that a later start reaps it.
pub(crate) fn detach(child: &Child) {
    let children = children();
    if children.iter().any(|known| std::ptr::eq(&**known, child)) {
        child.detach();
        DETACHED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reaps detached children that have ended.
pub(crate) fn reap_detached() {
    if DETACHED.load(Ordering::Relaxed) == 0 {
        return;
    }
    let children = children().clone();
    for child in children.iter().filter(|child| child.is_detached()) {
        child.exit_status();
    }
}

/// In a forked child: the parent's children are not its own.
pub(crate) fn forget_after_fork() {
    for child in children().drain(..) {
        child.forget_after_fork();
    }
    DETACHED.store(0, Ordering::Relaxed);
}

/// Holds the list still, so that a fork copies it whole and unlocked.
pub(crate) fn frozen() -> impl Sized {
    children()
}

extern "C" fn at_exit() {
    let children = children().clone();
    let (daemons, others): (Vec<_>, Vec<_>) =
        children.into_iter().filter(|child| child.is_ours()).partition(|child| child.is_daemon());
    stop(&daemons);
    let timeout = *EXIT_TIMEOUT.lock().unwrap_or_else(PoisonError::into_inner);
    match timeout {
        None => others.iter().for_each(|child| {
            child.wait();
        }),
        Some(timeout) => wait_all(&others, timeout),
    }
}

/// Ends daemons, gently first.
fn stop(daemons: &[Arc<Child>]) {
    for daemon in daemons {
        // One that cannot be signalled any more (it changed its user) is left to its lifeline.
        let _ = daemon.terminate();
    }
    wait_all(daemons, GRACE);
    for daemon in daemons.iter().filter(|daemon| daemon.is_alive()) {
        let _ = daemon.kill();
    }
    wait_all(daemons, GRACE);
}

/// Waits for all of `children`, together no longer than `timeout`.
fn wait_all(children: &[Arc<Child>], timeout: Duration) {
    let deadline = Instant::now() + timeout;
    for child in children {
        child.wait_deadline(deadline);
    }
}

fn children() -> MutexGuard<'static, Vec<Arc<Child>>> {
    // A push or a removal is whole or has not begun.
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}
