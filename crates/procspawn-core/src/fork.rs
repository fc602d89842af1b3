//! The fork start method: the child is a copy of this process.
#![allow(unsafe_code, reason = "forks")]

use std::io::{self, Write};

use ipc_pipe::{Packets, reactor};
use rustix::process::Pid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bootstrap::Bootstrap;
use crate::child::Started;
use crate::current::About;
use crate::error::StartError;
use crate::job::Job;
use crate::join_handle::JoinHandle;
use crate::process::Process;
use crate::{StartMethod, authkey, current, forkserver, lifeline, registry, run, sys};

/// The word of somebody that a fork leaves no lock of another thread locked in the child for ever.
#[derive(Debug)]
pub(crate) struct SingleThread(());

impl SingleThread {
    /// Counts the threads.
    pub(crate) fn check() -> Result<SingleThread, StartError> {
        match sys::thread_count().map_err(StartError::io("cannot count the threads"))? {
            1 => Ok(SingleThread(())),
            count => Err(StartError::Threads(count)),
        }
    }
}

impl<R: Serialize + DeserializeOwned + 'static> Process<R> {
    /// Starts the process by fork, however many threads this process has.
    ///
    /// # Errors
    ///
    /// As [`start`](Process::start).
    ///
    /// # Safety
    ///
    /// Only the calling thread exists in the child. Whatever the child does must not need a lock
    /// that another thread may hold at the moment of the fork, in this program or in any C
    /// library it uses; memory allocation is safe with glibc.
    pub unsafe fn start_fork_unchecked(self) -> Result<JoinHandle<R>, StartError> {
        self.start_method(StartMethod::Fork).start_with(|| Ok(SingleThread(())))
    }
}

/// Forks a process that runs `job`.
pub(crate) fn launch(
    about: &About,
    job: Box<dyn Job>,
    _single: SingleThread,
) -> Result<Started, StartError> {
    let prepared = prepare(about).map_err(StartError::io("cannot prepare a fork"))?;
    flush();
    let frozen = freeze();
    // SAFETY: the token says that no other thread holds what the child needs, and our own locks are
    // held by this one.
    let pid = unsafe { sys::fork() };
    drop(frozen);
    match pid.map_err(StartError::io("cannot fork"))? {
        Some(pid) => watch(pid, prepared.channel),
        None => {
            drop(prepared.channel);
            forget_parent();
            run::forked(prepared.childs, prepared.bootstrap, || job.run())
        }
    }
}

/// What parent and child need after the fork.
struct Prepared {
    channel: Packets,
    childs: Packets,
    bootstrap: Bootstrap<()>,
}

fn prepare(about: &About) -> io::Result<Prepared> {
    let (channel, childs) = Packets::pair()?;
    Ok(Prepared { channel, childs, bootstrap: Bootstrap::new(about.clone(), ())? })
}

/// The started child, as its parent sees it.
pub(crate) fn watch(pid: Pid, channel: Packets) -> Result<Started, StartError> {
    match sys::open_process(pid) {
        Ok(process) => Ok(Started { pid, process, channel, relayed: false }),
        // It has ended, and a host that ignores SIGCHLD or reaps whatever it finds was quicker.
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
            let process =
                sys::ready().map_err(StartError::io("cannot keep what a process said"))?;
            Ok(Started { pid, process, channel, relayed: false })
        }
        Err(source) => {
            sys::abandon(pid);
            Err(StartError::Io { doing: "cannot watch the process that was started", source })
        }
    }
}

/// Forks the fork server, which has made sure that it has a single thread; `None` in the child.
pub(crate) fn fork_single_threaded() -> io::Result<Option<Pid>> {
    // SAFETY: the server counts its threads before it says that it is ready, and starts none
    // itself.
    unsafe { sys::fork() }
}

/// Writes out what is buffered, so that it is not written by both.
fn flush() {
    // A standard stream that is closed has nothing to write.
    let _ = std::io::stdout().flush();
    let _ = std::io::stderr().flush();
    sys::flush_c_streams();
}

/// Takes every lock that the child will need, so that no other thread holds one at the fork.
///
/// The order is that in which they are taken everywhere: asking the fork server takes the others.
fn freeze() -> impl Sized {
    let server = forkserver::frozen();
    let others = (registry::frozen(), lifeline::frozen(), current::frozen(), reactor::frozen());
    (server, others, authkey::frozen())
}

/// Lets go of everything that belongs to the parent alone.
fn forget_parent() {
    registry::forget_after_fork();
    lifeline::forget_after_fork();
    forkserver::forget_after_fork();
    reactor::forget_after_fork();
}
