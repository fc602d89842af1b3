//! The fork server itself: a process with one thread that forks whenever it is asked.
//!
//! Its life: it calls the functions to preload, says that it is ready, and then waits for requests
//! and for the deaths of its children. A child's death is told on the child's own socket, of which
//! the server keeps the child's end until then. It ends when its control socket does, and is killed
//! with its parent like any daemon; its children go on.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use ipc_pipe::{Handle, Packets};

use crate::entry::EntryRef;
use crate::fork::fork_single_threaded;
use crate::forkserver::{Answer, Request};
use crate::outcome::{EXIT_FAILED, ExitStatus, Report};
use crate::sys::Disposition;
use crate::{lifeline, panics, run, sys};

/// A child of the server that has not been reaped.
struct Forked {
    process: OwnedFd,
    channel: Packets,
}

/// What a round of events leads to.
enum Next {
    Round,
    End,
    /// This is a forked child, and here is its socket.
    Child(Packets),
}

/// Serves until the control socket ends.
pub(crate) fn serve(control: Packets, preload: &[EntryRef]) -> ! {
    // Ctrl-C goes to the whole terminal; the server's parent decides what becomes of it.
    sys::set_interrupt(Disposition::Ignore);
    // Inherited from a host that ignores it, it would hide how the children end.
    sys::hear_of_children();
    run::prepare();
    if let Err(why) = preload_all(preload) {
        // A parent that is gone need not be told.
        let _ = control.send(&Answer::PreloadFailed(why));
        sys::leave(EXIT_FAILED);
    }
    // Blocked rather than ignored, so that none is lost that is meant for a child just forked.
    sys::block_interrupts();
    let mut children = Vec::new();
    let mut next = if control.send(&Answer::Ready).is_ok() { Next::Round } else { Next::End };
    loop {
        next = match next {
            Next::Round => round(&control, &mut children),
            Next::End => sys::leave(0),
            Next::Child(channel) => {
                // What belongs to the server stays with the server.
                drop(control);
                drop(children);
                lifeline::forget_after_fork();
                run::serve_when_told(channel)
            }
        }
    }
}

/// Waits for one round of events and handles them.
fn round(control: &Packets, children: &mut Vec<Forked>) -> Next {
    let watched: Vec<_> = std::iter::once(control.as_fd())
        .chain(children.iter().map(|child| child.process.as_fd()))
        .collect();
    let Ok(ready) = ipc_pipe::wait(&watched, None) else { return Next::End };
    // From the end, so that those that are still to be looked at keep their places.
    for child in ready.iter().rev().filter_map(|place| place.checked_sub(1)) {
        if children[child].tell_death() {
            children.swap_remove(child);
        }
    }
    if ready.first() != Some(&0) {
        return Next::Round;
    }
    let answer = match control.recv::<Request>(None) {
        Ok(Request) => fork(children),
        Err(_) => return Next::End,
    };
    let answer = match answer {
        Ok(Forking::Parent(answer)) => answer,
        Ok(Forking::Child(channel)) => return Next::Child(channel),
        Err(error) => Answer::Failed { errno: error.raw_os_error().unwrap_or(libc::EAGAIN) },
    };
    if control.send(&answer).is_ok() { Next::Round } else { Next::End }
}

/// The two sides of a fork.
enum Forking {
    Parent(Answer),
    Child(Packets),
}

/// Forks a child that waits for its bootstrap.
fn fork(children: &mut Vec<Forked>) -> io::Result<Forking> {
    let (parents, channel) = Packets::pair()?;
    let Some(pid) = fork_single_threaded()? else { return Ok(Forking::Child(channel)) };
    let watch = || -> io::Result<_> {
        let process = sys::open_process(pid)?;
        Ok((sys::duplicate(&process)?, process))
    };
    let (copy, process) = watch().inspect_err(|_: &io::Error| sys::abandon(pid))?;
    children.push(Forked { process, channel });
    let pid = pid.as_raw_nonzero().get();
    Ok(Forking::Parent(Answer::Forked { pid, process: Handle(copy), channel: Handle(parents) }))
}

impl Forked {
    /// Reaps the child and tells its parent how it ended; false if it has not.
    fn tell_death(&self) -> bool {
        let status = match sys::reap(self.process.as_fd()) {
            Ok(None) => return false,
            Ok(Some(status)) => status,
            Err(sys::Reaped) => ExitStatus::Unknown,
        };
        // A parent that has closed its end does not want to know.
        let _ = self.channel.send(&Report::Reaped(status));
        true
    }
}

/// Calls the functions; says why the process cannot be forked afterwards.
fn preload_all(preload: &[EntryRef]) -> Result<(), String> {
    for entry in preload {
        let function = entry.find::<(), ()>().map_err(|error| error.to_string())?;
        panics::catch(|| function.call(()), |_| ())
            .map_err(|panic| format!("it panicked at {}: {}", panic.location, panic.message))?;
    }
    match sys::thread_count() {
        Ok(1) => Ok(()),
        Ok(count) => {
            Err(format!("{} threads were started, and threads cannot be forked", count - 1))
        }
        Err(error) => Err(format!("cannot count the threads: {error}")),
    }
}
