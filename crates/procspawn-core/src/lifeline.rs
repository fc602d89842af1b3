//! How a daemon dies with its parent, whatever kills the parent.
//!
//! The parent holds the only write end of a pipe. Each daemon opens the read end as a file of its
//! own and asks the kernel (`O_ASYNC` with `F_SETSIG`) for SIGKILL when the last writer is gone. No
//! thread watches, nothing polls, and a stopped or hung daemon dies too.
//!
//! `PR_SET_PDEATHSIG` would not do: it fires when the *thread* that started the child ends, and a
//! fork server's children have another parent.
//!
//! | the parent dies | what happens to the daemon |
//! |---|---|
//! | before the daemon has asked for the signal | it sees the hang-up then, and leaves |
//! | later | the kernel kills it at once |

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys;

/// The pipe of which this process holds the write end.
struct Lifeline {
    reader: OwnedFd,
    _writer: OwnedFd,
}

static OWN: Mutex<Option<Lifeline>> = Mutex::new(None);
/// The end of the parent's pipe through which this process hangs on it.
static PARENTS: Mutex<Option<OwnedFd>> = Mutex::new(None);

/// A read end for a daemon of this process.
pub(crate) fn reader() -> io::Result<OwnedFd> {
    let mut own = lock(&OWN);
    let lifeline = match own.take() {
        Some(lifeline) => lifeline,
        None => {
            let (reader, writer) = sys::pipe()?;
            Lifeline { reader, _writer: writer }
        }
    };
    sys::duplicate(&own.insert(lifeline).reader)
}

/// Ties this process to the parent that gave it `reader`.
pub(crate) fn hang_on(reader: OwnedFd) -> io::Result<()> {
    let own_file = sys::reopen(reader.as_fd())?;
    sys::die_without_writer(own_file.as_fd())?;
    if sys::wait(own_file.as_fd(), Some(std::time::Instant::now()))? {
        // The parent died before the signal was asked for.
        sys::leave(128 + libc::SIGKILL);
    }
    *lock(&PARENTS) = Some(own_file);
    Ok(())
}

/// True in a daemon and in every descendant of one, whatever that is said to be: if their children
/// did not hang on them, they would stay when the daemon goes.
pub(crate) fn is_hanging() -> bool {
    lock(&PARENTS).is_some()
}

/// Holds the pipes still during a fork.
pub(crate) fn frozen() -> impl Sized {
    (lock(&OWN), lock(&PARENTS))
}

/// In a forked child: lets go of the write end that the parent alone must hold.
pub(crate) fn forget_after_fork() {
    *lock(&OWN) = None;
    *lock(&PARENTS) = None;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half done when a holder panics: the contents are replaced as a whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
