//! Who this process is: its name, its place in the family, its parent.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_pipe::Handle;
use serde::{Deserialize, Serialize};

use crate::StartMethod;
use crate::sys;

/// What a process is told about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) name: String,
    /// Which child of which child of the first process this is, as `2:1`.
    pub(crate) lineage: String,
    pub(crate) daemon: bool,
    pub(crate) method: StartMethod,
}

/// What a process is told about its parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ParentInfo {
    pub(crate) pid: i32,
    pub(crate) name: String,
    pub(crate) process: Arc<Handle>,
}

/// The process that is running.
#[derive(Clone, Debug)]
pub struct CurrentProcess {
    about: Option<About>,
}

/// The process that started this one, whatever method it used.
///
/// For a child of a fork server that is the process that asked the server, not the server.
#[derive(Clone, Debug)]
pub struct ParentProcess(ParentInfo);

/// What this process knows of itself; about nothing in the first process.
static SELF: Mutex<Option<(About, ParentInfo)>> = Mutex::new(None);
/// How many children this process has named.
static CHILDREN: AtomicU32 = AtomicU32::new(0);
/// A descriptor for this process, for its children, with the pid it is for.
static OWN_PROCESS: Mutex<Option<(i32, Arc<Handle>)>> = Mutex::new(None);

/// The process that is running.
///
/// # Examples
///
/// ```
/// let process = procspawn_core::current_process();
/// assert_eq!(process.name(), "MainProcess");
/// assert_eq!(process.pid(), std::process::id());
/// ```
pub fn current_process() -> CurrentProcess {
    CurrentProcess { about: lock(&SELF).as_ref().map(|(about, _)| about.clone()) }
}

/// The process that started this one; `None` in a process that was not started by this library.
///
/// # Examples
///
/// ```
/// assert!(procspawn_core::parent_process().is_none());
/// ```
pub fn parent_process() -> Option<ParentProcess> {
    lock(&SELF).as_ref().map(|(_, parent)| ParentProcess(parent.clone()))
}

impl CurrentProcess {
    /// The name it was given, `Process-1:2` if none was, `MainProcess` for the first process.
    pub fn name(&self) -> &str {
        self.about.as_ref().map_or("MainProcess", |about| &about.name)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        std::process::id()
    }

    /// True if it dies with its parent.
    pub fn is_daemon(&self) -> bool {
        self.about.as_ref().is_some_and(|about| about.daemon)
    }

    /// How it was started; `None` for the first process.
    pub fn start_method(&self) -> Option<StartMethod> {
        self.about.as_ref().map(|about| about.method)
    }
}

impl ParentProcess {
    /// Its process id at the time it started this process.
    pub fn pid(&self) -> u32 {
        self.0.pid.unsigned_abs()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// True while it runs.
    ///
    /// # Errors
    ///
    /// When the system cannot poll.
    pub fn is_alive(&self) -> io::Result<bool> {
        Ok(!sys::wait(self.as_fd(), Some(Instant::now()))?)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// When the system cannot poll.
    pub fn join(&self) -> io::Result<()> {
        sys::wait(self.as_fd(), None).map(|_| ())
    }

    /// Waits until it has ended; false if `timeout` passes first.
    ///
    /// # Errors
    ///
    /// When the system cannot poll.
    pub fn join_timeout(&self, timeout: Duration) -> io::Result<bool> {
        sys::wait(self.as_fd(), sys::after(timeout))
    }
}

/// The sentinel: readable once the parent has ended.
impl AsFd for ParentProcess {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.process.as_fd()
    }
}

impl fmt::Display for CurrentProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name(), self.pid())
    }
}

/// Describes the next child of this process.
pub(crate) fn next_child(name: Option<String>, daemon: Option<bool>, method: StartMethod) -> About {
    let number = CHILDREN.fetch_add(1, Ordering::Relaxed) + 1;
    let current = lock(&SELF);
    let about = current.as_ref().map(|(about, _)| about);
    let lineage = descend(about, &number.to_string());
    let daemon = daemon.unwrap_or_else(|| about.is_some_and(|about| about.daemon));
    About { name: name.unwrap_or_else(|| format!("Process-{lineage}")), lineage, daemon, method }
}

/// Describes a daemon of the library's own, which takes no number away from the children.
pub(crate) fn helper(name: &str, method: StartMethod) -> About {
    let lineage = descend(lock(&SELF).as_ref().map(|(about, _)| about), name);
    About { name: name.into(), lineage, daemon: true, method }
}

/// The place in the family of the child `name` of the process `about` is about.
fn descend(about: Option<&About>, name: &str) -> String {
    about.map_or_else(|| name.into(), |about| format!("{}:{name}", about.lineage))
}

/// What this process tells its children about itself.
pub(crate) fn as_parent() -> io::Result<ParentInfo> {
    let pid = sys::own_pid();
    let number = pid.as_raw_nonzero().get();
    let mut own = lock(&OWN_PROCESS);
    let process = match &*own {
        Some((owner, process)) if *owner == number => process.clone(),
        _ => {
            let process = Arc::new(Handle::<OwnedFd>(sys::open_process(pid)?));
            *own = Some((number, process.clone()));
            process
        }
    };
    Ok(ParentInfo { pid: number, name: current_process().name().to_string(), process })
}

/// Holds what is known still during a fork.
pub(crate) fn frozen() -> impl Sized {
    (lock(&OWN_PROCESS), lock(&SELF))
}

/// Becomes the process described.
pub(crate) fn become_child(about: About, parent: ParentInfo) {
    sys::set_thread_name(&about.name);
    CHILDREN.store(0, Ordering::Relaxed);
    *lock(&SELF) = Some((about, parent));
}

/// Locks of this module are held for a few instructions that do not panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
