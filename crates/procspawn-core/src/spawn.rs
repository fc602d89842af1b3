//! The spawn start method: executes this program again.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{PoisonError, RwLock};

use ipc_pipe::{Packets, SendError};
use rustix::process::Pid;

use crate::bootstrap::{Bootstrap, Role};
use crate::child::Started;
use crate::current::About;
use crate::error::StartError;
use crate::exec;
use crate::fork::watch;
use crate::job::Job;

/// The program of this process, even if its file has been replaced or deleted meanwhile.
const SELF: &str = "/proc/self/exe";

const STARTING: &str = "cannot start a process";

static EXECUTABLE: RwLock<Option<PathBuf>> = RwLock::new(None);

/// Sets the program that children of this process execute; `None` is this very program, the
/// default.
///
/// It must call [`init`](crate::init), and be the same build or have loaded a shared library of the
/// same build that holds the functions; otherwise `join` gives
/// [`JoinError::NoSuchFunction`](crate::JoinError::NoSuchFunction). A program that never calls
/// `init` runs as it would by itself, and `join` tells its exit code. It applies to children
/// started by spawn, and to a fork server not started yet.
pub fn set_executable(path: Option<PathBuf>) {
    *EXECUTABLE.write().unwrap_or_else(PoisonError::into_inner) = path;
}

/// Starts a process that runs `job`.
pub(crate) fn launch(about: &About, job: &dyn Job) -> Result<Started, StartError> {
    let entry = job.entry().ok_or(StartError::NeedsFork)?;
    let role = Role::Run { entry, args: job.encode()? };
    execute(about, role)
}

/// Executes the program in the given role: steps 1 and 2 of the bootstrap.
pub(crate) fn execute(about: &About, role: Role) -> Result<Started, StartError> {
    let (channel, childs) = Packets::pair().map_err(StartError::io("cannot make a socket pair"))?;
    let bootstrap = Bootstrap::new(about.clone(), role)
        .map_err(StartError::io("cannot prepare the start of a process"))?;
    channel.send(&bootstrap).map_err(not_sent)?;
    let executable = EXECUTABLE.read().unwrap_or_else(PoisonError::into_inner);
    let path = executable.as_deref().unwrap_or(Path::new(SELF));
    match exec::execute(path.as_os_str(), childs.as_fd()) {
        Ok((pid, process)) => Ok(Started { pid, process, channel, relayed: false }),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            let child = command(path, childs.into()).spawn();
            watch(Pid::from_child(&child.map_err(StartError::io(STARTING))?), channel)
        }
        Err(error) => {
            let named = || io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            let source = if executable.is_some() { named() } else { error };
            Err(StartError::Io { doing: STARTING, source })
        }
    }
}

/// Why the bootstrap could not be sent to a child.
pub(crate) fn not_sent(error: SendError) -> StartError {
    match error {
        SendError::Encode(error) => StartError::Encode(error),
        other => StartError::Io { doing: "cannot send the arguments", source: other.into() },
    }
}

/// The same as [`exec::execute`] by std, where that is not possible.
fn command(path: &Path, socket: OwnedFd) -> Command {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| OsString::from(SELF));
    let mut command = Command::new(path);
    command.arg0(name).args(arguments).stdin(Stdio::from(socket));
    command
}
