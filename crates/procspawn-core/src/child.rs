//! A child as its parent sees it: a descriptor to wait on, and a socket on which it reports.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_pipe::{Packets, RecvError};
use rustix::process::{Pid, Signal};

use crate::current::About;
use crate::outcome::{ExitStatus, Report};
use crate::{StartMethod, registry, sys};

/// How long a fork server may take to tell how a dead child ended.
const SERVER_PATIENCE: Duration = Duration::from_secs(2);

/// A process that this one has started, without the type of its value.
///
/// Got from [`active_children`](crate::active_children), or by dereferencing a
/// [`JoinHandle`](crate::JoinHandle). Waiting for it reaps it; any number of threads may wait.
pub struct Child {
    about: About,
    pid: Pid,
    /// The process whose child it is.
    parent: Pid,
    /// Readable once the process has ended.
    process: OwnedFd,
    /// Reaped by a fork server, which tells the status.
    relayed: bool,
    detached: AtomicBool,
    state: Mutex<State>,
}

/// What is known of how the child ended.
#[derive(Default)]
struct State {
    /// Where it reports; closed once all is known.
    channel: Option<Packets>,
    report: Option<Report>,
    /// Why a report that has come could not be read.
    unreadable: Option<RecvError>,
    status: Option<ExitStatus>,
}

/// A process that has just been started.
pub(crate) struct Started {
    pub(crate) pid: Pid,
    pub(crate) process: OwnedFd,
    pub(crate) channel: Packets,
    pub(crate) relayed: bool,
}

impl Child {
    pub(crate) fn new(about: About, started: Started) -> Child {
        let Started { pid, process, channel, relayed } = started;
        let state = Mutex::new(State { channel: Some(channel), ..State::default() });
        let parent = sys::own_pid();
        Child { about, pid, parent, process, relayed, detached: AtomicBool::new(false), state }
    }

    /// Its process id. Once it has been waited for, another process may get the same.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// The name it was given, or `Process-1:2` for the second child of the first.
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// True if it dies with this process.
    pub fn is_daemon(&self) -> bool {
        self.about.daemon
    }

    /// How it was started.
    pub fn start_method(&self) -> StartMethod {
        self.about.method
    }

    /// True while it runs. A stopped process runs.
    pub fn is_alive(&self) -> bool {
        self.exit_status().is_none()
    }

    /// How it ended; `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.wait_until(Some(Instant::now()))
    }

    /// Waits until it has ended. It may be called again, and from several threads.
    pub fn wait(&self) -> ExitStatus {
        self.wait_until(None).unwrap_or(ExitStatus::Unknown)
    }

    /// Waits until it has ended, but not longer than `timeout`.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<ExitStatus> {
        self.wait_until(sys::after(timeout))
    }

    /// Waits until it has ended, but not beyond `deadline`.
    pub fn wait_deadline(&self, deadline: Instant) -> Option<ExitStatus> {
        self.wait_until(Some(deadline))
    }

    /// Asks it to end, by SIGTERM. No effect if it has ended.
    ///
    /// Its own children are not told, unless they are daemons: those die with it.
    ///
    /// # Errors
    ///
    /// When it runs as another user by now.
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(Signal::TERM)
    }

    /// Ends it at once, by SIGKILL. No effect if it has ended.
    ///
    /// # Errors
    ///
    /// When it runs as another user by now.
    pub fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// Interrupts it as Ctrl-C would, by SIGINT. No effect if it has ended.
    ///
    /// # Errors
    ///
    /// When it runs as another user by now.
    pub fn interrupt(&self) -> io::Result<()> {
        sys::interrupt(self.process.as_fd())
    }

    /// A descriptor that is readable once the process has ended, whatever descendants of it still
    /// live; to be used with `wait`, `poll` and event loops. The same as `as_fd`.
    pub fn sentinel(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        sys::signal(self.process.as_fd(), signal)
    }

    /// False in a process that has the handle only because it was forked from the parent.
    pub(crate) fn is_ours(&self) -> bool {
        self.parent == sys::own_pid()
    }

    /// Takes what the child has reported, once it has ended; `None` if that was nothing.
    pub(crate) fn take_report(&self) -> Result<Option<Report>, RecvError> {
        let mut state = self.state();
        state.unreadable.take().map_or_else(|| Ok(state.report.take()), Err)
    }

    /// Says that nobody will join it, so that the registry reaps it.
    pub(crate) fn detach(&self) {
        // Relaxed: a hint; the reaper looks at the child itself.
        self.detached.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.detached.load(Ordering::Relaxed)
    }

    /// Lets go of the socket without reading it, in a forked process that the child does not belong
    /// to.
    pub(crate) fn forget_after_fork(&self) {
        // Another thread of the parent may have been reading the socket; then it stays as it is.
        if let Ok(mut state) = self.state.try_lock() {
            state.channel = None;
        }
    }

    fn wait_until(&self, deadline: Option<Instant>) -> Option<ExitStatus> {
        if let Some(status) = self.state().status {
            return Some(status);
        }
        // A poll fails for want of memory only, and then a later one may not.
        if !sys::wait(self.sentinel(), deadline).unwrap_or(false) {
            return None;
        }
        let status = self.settle();
        registry::remove(self);
        Some(status)
    }

    /// Finds out how the child, which has ended, ended; reaps it; closes its socket.
    fn settle(&self) -> ExitStatus {
        let mut state = self.state();
        if let Some(status) = state.status {
            return status;
        }
        let reaped =
            state.channel.take().and_then(|channel| self.read_reports(&channel, &mut state));
        let of_report = state.report.as_ref().map(|report| ExitStatus::Code(report.exit_code()));
        // Nobody may be left to tell, but the kernel.
        let remembered = || match of_report {
            None => sys::remembered_status(self.sentinel()),
            Some(_) => None,
        };
        let status = match self.reap().or(reaped).or_else(remembered) {
            // The kernel keeps eight bits of an exit code; the report has them all.
            Some(ExitStatus::Code(code)) => of_report
                .filter(|full| full.code().is_some_and(|full| full & 0xff == code))
                .unwrap_or(ExitStatus::Code(code)),
            Some(status) => status,
            None => of_report.unwrap_or(ExitStatus::Unknown),
        };
        state.status = Some(status);
        status
    }

    /// Reads what is in the socket. For a child of a fork server that reported nothing itself,
    /// waits for the server's word, which it gives as soon as it sees the child dead.
    fn read_reports(&self, channel: &Packets, state: &mut State) -> Option<ExitStatus> {
        let patience = Instant::now() + SERVER_PATIENCE;
        loop {
            let wait = self.relayed && state.report.is_none();
            let deadline = if wait { patience } else { Instant::now() };
            match channel.recv::<Report>(Some(deadline)) {
                Ok(Report::Reaped(status)) => return Some(status),
                Ok(report) => {
                    state.report = Some(report);
                    if !self.relayed {
                        return None;
                    }
                }
                Err(RecvError::Disconnected | RecvError::TimedOut) => return None,
                Err(error) => {
                    state.unreadable = Some(error);
                    return None;
                }
            }
        }
    }

    /// Reaps the child, unless that is for its fork server or someone else has; then the kernel may
    /// remember how it ended.
    fn reap(&self) -> Option<ExitStatus> {
        if self.relayed { None } else { sys::reap(self.sentinel()).ok().flatten() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs while the state is half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sentinel.
impl AsFd for Child {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.sentinel()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Child")
            .field("name", &self.about.name)
            .field("pid", &self.pid())
            .field("parent", &self.parent)
            .field("status", &self.state().status)
            .field("daemon", &self.about.daemon)
            .finish_non_exhaustive()
    }
}
