//! The fork server as seen by the process that uses it: starts it, asks it, starts another if it died.
//!
//! See [`bootstrap`](crate::bootstrap) for the steps and [`server`](crate::server) for the other side.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipc_pipe::{Handle, Packets, RecvError};
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use crate::StartMethod;
use crate::bootstrap::{Bootstrap, Role};
use crate::child::{Child, Started};
use crate::current::{self, About};
use crate::error::StartError;
use crate::job::Job;
use crate::remote_fn::RemoteFn;
use crate::spawn;

/// Asks the server to fork a child that talks over `channel`.
#[derive(Debug, Deserialize)]
pub(crate) struct Request {
    pub(crate) channel: Handle<Packets>,
}

/// The same, without owning the channel.
#[derive(Serialize)]
struct RequestRef<'a> {
    channel: Handle<BorrowedFd<'a>>,
}

/// What the server answers: first, once, whether it is ready, then to each request.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Ready,
    PreloadFailed(String),
    Forked { pid: i32, process: Handle },
    Failed { errno: i32 },
}

/// A fork server of this process.
struct Server {
    control: Packets,
    /// Kept to be reaped when it has died or is replaced.
    process: Child,
}

static SERVER: Mutex<Option<Server>> = Mutex::new(None);
static PRELOAD: Mutex<Vec<RemoteFn<()>>> = Mutex::new(Vec::new());

/// Sets the functions that the fork server calls once, when it starts, so that its children find
/// what they have loaded. A server that runs already is not affected.
///
/// They must not start threads: a process with threads cannot be forked. One that panics, or does start
/// threads, makes the next start fail with [`StartError::Preload`].
///
/// # Examples
///
/// ```
/// use std::sync::OnceLock;
/// use procspawn_core::{Process, RemoteFn, StartMethod, set_forkserver_preload};
///
/// static TABLE: OnceLock<Vec<u64>> = OnceLock::new();
///
/// fn load() {
///     TABLE.get_or_init(|| (0..1000).map(|x| x * x).collect());
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// procspawn_core::init();
/// set_forkserver_preload([RemoteFn::new(load)]);
///
/// let loaded = Process::new(|| TABLE.get().is_some(), ()).start_method(StartMethod::ForkServer);
/// assert!(loaded.start()?.join()?);
/// # Ok(())
/// # }
/// ```
pub fn set_forkserver_preload(functions: impl IntoIterator<Item = RemoteFn<()>>) {
    *lock(&PRELOAD) = functions.into_iter().collect();
}

/// The pid of this process's fork server, if one has been started; it may have died since.
pub fn forkserver_pid() -> Option<u32> {
    lock(&SERVER).as_ref().map(|server| server.process.pid())
}

/// Starts a process that runs `job`.
pub(crate) fn launch(about: &About, job: &dyn Job) -> Result<Started, StartError> {
    let entry = job.entry().ok_or(StartError::NeedsFork)?;
    let role = Role::Run { entry, args: job.encode()? };
    let bootstrap = Bootstrap::new(about.clone(), role)
        .map_err(StartError::io("cannot prepare the start of a process"))?;
    let started = fork()?;
    // If this fails, the child sees the end of its socket and leaves.
    started.channel.send(&bootstrap).map_err(spawn::not_sent)?;
    Ok(started)
}

/// Has the server fork, starting one if there is none or it has died.
fn fork() -> Result<Started, StartError> {
    let mut server = lock(&SERVER);
    if let Some(running) = &*server {
        match running.fork() {
            Err(Asking::Died) => *server = None,
            Err(Asking::Failed(error)) => return Err(error),
            Ok(started) => return Ok(started),
        }
    }
    let fresh = server.insert(Server::start()?);
    fresh.fork().map_err(|asking| match asking {
        Asking::Failed(error) => error,
        Asking::Died => StartError::Io {
            doing: "cannot reach the fork server",
            source: io::ErrorKind::ConnectionReset.into(),
        },
    })
}

/// Why the server did not fork.
enum Asking {
    /// It is gone; nothing will run that was asked of it.
    Died,
    Failed(StartError),
}

impl Server {
    /// Executes a server and waits until it has called its functions.
    fn start() -> Result<Server, StartError> {
        let preload = lock(&PRELOAD).iter().map(RemoteFn::entry).collect();
        let about = current::helper("forkserver", StartMethod::ForkServer);
        let started = spawn::execute(&about, Role::Serve { preload })?;
        let control = started
            .channel
            .as_fd()
            .try_clone_to_owned()
            .and_then(Packets::try_from)
            .map_err(StartError::io("cannot keep the fork server's socket"))?;
        let server = Server { control, process: Child::new(about, started) };
        match server.control.recv(None) {
            Ok(Answer::Ready) => Ok(server),
            Ok(Answer::PreloadFailed(why)) => Err(StartError::Preload(why)),
            Ok(_) | Err(_) => {
                Err(StartError::Preload(format!("the server ended with {}", server.process.wait())))
            }
        }
    }

    fn fork(&self) -> Result<Started, Asking> {
        let failed = |doing| move |source| Asking::Failed(StartError::Io { doing, source });
        let (channel, childs) = Packets::pair().map_err(failed("cannot make a socket pair"))?;
        let request = RequestRef { channel: Handle(childs.as_fd()) };
        match self.control.send(&request) {
            Ok(()) => drop(childs),
            Err(ipc_pipe::SendError::Disconnected) => return Err(Asking::Died),
            Err(error) => return Err(failed("cannot ask the fork server")(error.into())),
        }
        let (pid, process) = match self.control.recv(None) {
            Ok(Answer::Forked { pid, process: Handle(process) }) => (pid, process),
            Ok(Answer::Failed { errno }) => {
                let source = io::Error::from_raw_os_error(errno);
                return Err(failed("the fork server cannot fork")(source));
            }
            Err(RecvError::DescriptorsLost) => {
                let source = io::Error::from_raw_os_error(libc::EMFILE);
                return Err(failed("cannot watch the process that was started")(source));
            }
            Ok(_) | Err(_) => return Err(Asking::Died),
        };
        let pid = Pid::from_raw(pid).ok_or(Asking::Died)?;
        Ok(Started { pid, process, channel, relayed: true })
    }
}

/// A server that is given up: closing its socket ends it, and it must not stay as a zombie.
impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_ours() {
            // A server that has ended takes no signal; one that hangs must not be waited for.
            let _ = self.process.kill();
            self.process.wait();
        }
    }
}

/// In a forked child: the server belongs to the parent.
pub(crate) fn forget_after_fork() {
    *lock(&SERVER) = None;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is replaced as a whole, so a panic leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
