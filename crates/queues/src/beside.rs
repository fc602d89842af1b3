//! A thread that sleeps by words in memory, while its owner sleeps by descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::thread::{Builder, ScopedJoinHandle, scope};

use sync_primitives::{Event, Watch, wait_any};

use crate::sys;

/// How many watches one thread waits for. It has room for 128 words; an event has two.
pub(crate) const AT_ONCE: usize = 60;

/// Runs `work` with a descriptor that becomes readable when one of the watches is ready, and gives
/// what it gives and the places of those that are ready by then. Without watches there is none.
///
/// The threads that wait for the watches, one for each sixty, have ended when this returns.
pub(crate) fn beside<R>(
    watches: &[Watch<'_>],
    work: impl FnOnce(Option<BorrowedFd<'_>>) -> R,
) -> io::Result<(R, Vec<usize>)> {
    if watches.is_empty() {
        return Ok((work(None), Vec::new()));
    }
    let (over, bell) = (Event::new(), sys::bell()?);
    scope(|scope| {
        let end = SetAtEnd(&over);
        let mut threads = Vec::new();
        for part in watches.chunks(AT_ONCE) {
            let (over, bell) = (&over, bell.as_fd());
            let thread = Builder::new().name("multiproc-wait".into());
            threads.push(thread.spawn_scoped(scope, move || watch(part, over, bell))?);
        }
        let result = work(Some(bell.as_fd()));
        drop(end);
        Ok((result, ready(threads)))
    })
}

/// Ends the threads, also if one of them cannot be started.
#[derive(Debug)]
struct SetAtEnd<'a>(&'a Event);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Waits until one of the watches is ready, or everything is over.
fn watch(watches: &[Watch<'_>], over: &Event, bell: BorrowedFd<'_>) -> Vec<usize> {
    let mut all = vec![Watch::event(over)];
    all.extend(watches);
    // There are fewer than one wait can name, so it does not fail.
    let ready = wait_any(&all, None).unwrap_or_default();
    sys::ring(bell);
    ready.into_iter().filter_map(|at| at.checked_sub(1)).collect()
}

fn ready(threads: Vec<ScopedJoinHandle<'_, Vec<usize>>>) -> Vec<usize> {
    let parts = threads.into_iter().enumerate().map(|(part, thread)| {
        // A thread that panicked has nothing to say; the hook has told of it.
        let ready = thread.join().unwrap_or_default();
        ready.into_iter().map(move |at| part * AT_ONCE + at)
    });
    parts.flatten().collect()
}
