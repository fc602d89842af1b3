//! The fork server as seen by the process that uses it: starts it, asks it, starts another if it
//! died.
//!
//! See [`bootstrap`](crate::bootstrap) for the steps and [`server`](crate::server) for the other
//! side.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ipc_pipe::{Handle, Packets, RecvError, SendError};
use rustix::process::{Pid, Signal};
use serde::{Deserialize, Serialize};

use crate::StartMethod;
use crate::bootstrap::{Bootstrap, Role};
use crate::child::Started;
use crate::current::{self, About};
use crate::error::StartError;
use crate::job::Job;
use crate::remote_fn::RemoteFn;
use crate::{spawn, sys};

/// Asks the server for a child.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request;

/// What the server answers: first, once, whether it is ready, then to each request.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Ready,
    PreloadFailed(String),
    /// A child that waits for its bootstrap.
    Forked {
        pid: i32,
        process: Handle,
        channel: Handle<Packets>,
    },
    Failed {
        errno: i32,
    },
}

/// A fork server of this process.
struct Server {
    /// Its control socket is the channel on which a child would report.
    process: Started,
    /// A child has been asked for, and the answer has not been read.
    asked: bool,
}

/// How long a server may take to fork. One that is stopped must not keep its parent for ever; it is
/// ended then, and a new one is asked.
const PATIENCE: Duration = Duration::from_secs(10);

static SERVER: Mutex<Option<Server>> = Mutex::new(None);
static PRELOAD: Mutex<Vec<RemoteFn<()>>> = Mutex::new(Vec::new());

/// Sets the functions that the fork server calls once, when it starts, so that its children find
/// what they have loaded. A server that runs already is not affected.
///
/// They must not start threads: a process with threads cannot be forked. One that panics, or does
/// start threads, makes the next start fail with [`StartError::Preload`].
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
    let server = lock(&SERVER);
    server.as_ref().map(|server| server.process.pid.as_raw_nonzero().get().unsigned_abs())
}

/// Starts a process that runs `job`.
pub(crate) fn launch(about: &About, job: &dyn Job) -> Result<Started, StartError> {
    let entry = job.entry().ok_or(StartError::NeedsFork)?;
    let role = Role::Run { entry, args: job.encode()? };
    let bootstrap = Bootstrap::new(about.clone(), role)
        .map_err(StartError::io("cannot prepare the start of a process"))?;
    let mut server = lock(&SERVER);
    loop {
        let child = take_child(&mut server)?;
        match child.channel.send(&bootstrap) {
            Ok(()) => {
                if let Some(server) = &mut *server {
                    server.ask();
                }
                return Ok(child);
            }
            // Somebody has killed the child while it waited; it has run nothing.
            Err(SendError::Disconnected) => {}
            Err(error) => return Err(spawn::not_sent(error)),
        }
    }
}

/// Takes a child of the server, starting a server if there is none or it has died.
fn take_child(running: &mut Option<Server>) -> Result<Started, StartError> {
    if let Some(server) = running {
        match server.take_child() {
            Err(Asking::Died) => running.take().into_iter().for_each(Server::end),
            Err(Asking::Failed(error)) => return Err(error),
            Ok(started) => return Ok(started),
        }
    }
    running.insert(Server::start()?).take_child().map_err(|asking| match asking {
        Asking::Failed(error) => error,
        Asking::Died => StartError::Io {
            doing: "cannot reach the fork server",
            source: io::ErrorKind::ConnectionReset.into(),
        },
    })
}

/// Why the server gave no child.
enum Asking {
    /// It is gone, or as good as gone.
    Died,
    Failed(StartError),
}

impl Server {
    /// Executes a server and waits until it has called its functions.
    fn start() -> Result<Server, StartError> {
        let preload = lock(&PRELOAD).iter().map(RemoteFn::entry).collect();
        let about = current::helper("forkserver", StartMethod::ForkServer);
        let server =
            Server { process: spawn::execute(&about, Role::Serve { preload })?, asked: false };
        let why = match server.process.channel.recv(None) {
            Ok(Answer::Ready) => return Ok(server),
            Ok(Answer::PreloadFailed(why)) => why,
            Ok(_) | Err(_) => "the server ended before it was ready".into(),
        };
        server.end();
        Err(StartError::Preload(why))
    }

    /// Ends a server that has died or is of no use, so that it does not stay as a zombie.
    fn end(self) {
        let process = self.process.process.as_fd();
        // Each of these can fail only if the process is gone, which is what is wanted.
        let _ = sys::signal(process, Signal::KILL);
        let _ = sys::wait(process, None);
        let _ = sys::reap(process);
    }

    /// Asks for a child ahead of its use, so that the server forks while this process does other
    /// things.
    fn ask(&mut self) {
        if !self.asked {
            // A server that has died is found out when its answer is wanted.
            self.asked = self.process.channel.send(&Request).is_ok();
        }
    }

    /// The child that has been asked for, or else one that is asked for now.
    fn take_child(&mut self) -> Result<Started, Asking> {
        let ahead = self.asked;
        match self.answer() {
            // That was when it was asked, which may be long ago.
            Err(Asking::Failed(_)) if ahead => self.answer(),
            result => result,
        }
    }

    /// What the server says to a request, sent before or now.
    fn answer(&mut self) -> Result<Started, Asking> {
        self.ask();
        if !self.asked {
            return Err(Asking::Died);
        }
        self.asked = false;
        let failed = |doing, errno| {
            let source = io::Error::from_raw_os_error(errno);
            Asking::Failed(StartError::Io { doing, source })
        };
        match self.process.channel.recv(Some(Instant::now() + PATIENCE)) {
            Ok(Answer::Forked { pid, process: Handle(process), channel: Handle(channel) }) => {
                let pid = Pid::from_raw(pid).ok_or(Asking::Died)?;
                Ok(Started { pid, process, channel, relayed: true })
            }
            Ok(Answer::Failed { errno }) => Err(failed("the fork server cannot fork", errno)),
            Err(RecvError::DescriptorsLost) => {
                Err(failed("cannot watch the process that was forked", libc::EMFILE))
            }
            Ok(_) | Err(_) => Err(Asking::Died),
        }
    }
}

/// Holds the server still during a fork.
pub(crate) fn frozen() -> impl Sized {
    (lock(&SERVER), lock(&PRELOAD))
}

/// In a forked child: the server belongs to the parent, and only the descriptors are given up.
pub(crate) fn forget_after_fork() {
    *lock(&SERVER) = None;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is inside is replaced as a whole, so a panic leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
