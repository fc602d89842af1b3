//! What the tests stand on: each body runs in a fresh process of its own, which is checked for
//! leftovers.
//!
//! libtest has threads, so nothing could be forked from a test, and signal handlers, limits and the
//! list of children are of the whole process. A body therefore runs in a *host*: a process with one
//! thread, started by our own spawn method, in a session of its own. Its output is kept and shown
//! when it fails.

mod look;
mod system;

use std::fs::File;
use std::time::Duration;

use ipc_pipe::{Handle, Receiver, Sender, pipe};
use procspawn_core::{
    Function, JoinError, JoinHandle, Process, RemoteFn, StartMethod, active_children,
    forkserver_pid,
};
use rustix::fs::MemfdFlags;
use rustix::process::Signal;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use look::*;
pub(crate) use system::*;

/// How long anything may take that happens soon unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long a whole body may take.
const HANG: Duration = Duration::from_secs(60);

/// Makes a module per body with a test for each start method.
macro_rules! each_method {
    ($($(#[$attribute:meta])* $body:ident),* $(,)?) => {$(
        mod $body {
            use procspawn_core::StartMethod;
            $(#[$attribute])*
            #[test]
            fn spawn() {
                crate::support::in_host(super::$body, StartMethod::Spawn);
            }
            $(#[$attribute])*
            #[test]
            fn forkserver() {
                crate::support::in_host(super::$body, StartMethod::ForkServer);
            }
            $(#[$attribute])*
            #[test]
            fn fork() {
                crate::support::in_host(super::$body, StartMethod::Fork);
            }
        }
    )*};
}

/// Makes a module per body with one test, for one start method.
macro_rules! only {
    ($method:ident: $($body:ident),* $(,)?) => {$(
        mod $body {
            #[test]
            fn only() {
                crate::support::in_host(super::$body, procspawn_core::StartMethod::$method);
            }
        }
    )*};
}

pub(crate) use {each_method, only};

/// Runs a body in a host, and fails with its message.
#[track_caller]
pub(crate) fn in_host(body: impl Function<(StartMethod,), Output = ()>, method: StartMethod) {
    let log = File::from(rustix::fs::memfd_create("log", MemfdFlags::CLOEXEC).unwrap());
    let args = (RemoteFn::new(body), method, Handle(log.try_clone().unwrap()));
    let mut host = Process::new(host, args).name("host").daemon(false).start().unwrap();
    let result = host.join_timeout(HANG);
    let left = if result.is_some() { end_of_session(host.pid()) } else { session(host.pid()) };
    for pid in &left {
        // All of them belong to the host's session, which is of this test alone.
        let _ = rustix::process::kill_process(*pid, Signal::KILL);
    }
    let _ = host.kill();
    let failed = match result {
        None => Some(format!("it hangs: not done after {HANG:?}")),
        Some(Err(JoinError::Panicked { message, location, .. })) => {
            Some(format!("{message}\n at {location}"))
        }
        Some(Err(error)) => Some(format!("the host: {error}")),
        Some(Ok(())) if !left.is_empty() => Some(format!("processes are left behind: {left:?}")),
        Some(Ok(())) => None,
    };
    if let Some(why) = failed {
        panic!("{why}\n--- output ---\n{}--- end ---", contents(log));
    }
}

/// The life of a host.
fn host(body: RemoteFn<(StartMethod,)>, method: StartMethod, Handle(log): Handle<File>) {
    rustix::process::setsid().unwrap();
    // Who runs the tests in the background of a shell has them ignore Ctrl-C.
    // SAFETY: the default action is no function of ours.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    rustix::stdio::dup2_stdout(&log).unwrap();
    rustix::stdio::dup2_stderr(&log).unwrap();
    drop(log);
    let before = descriptors();
    body.call((method,));
    assert!(active_children().is_empty(), "children are left: {:?}", active_children());
    // A fork server is reaped when it is replaced.
    let server = forkserver_pid();
    let left: Vec<_> = children().into_iter().filter(|child| Some(child.pid) != server).collect();
    assert!(left.is_empty(), "the system still knows children: {left:?}");
    assert_no_new_descriptors(&before);
}

/// A body that leaves early on purpose, having made sure that nothing is left behind.
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
    // The host's output is shown for failures only, so the reason goes to the terminal as well.
    if let Ok(mut terminal) = File::options().append(true).open("/dev/tty") {
        let _ = std::io::Write::write_all(&mut terminal, format!("skipped: {why}\n").as_bytes());
    }
}

/// Starts a process, which must succeed.
#[track_caller]
pub(crate) fn start<F, A, R>(method: StartMethod, function: F, args: A) -> JoinHandle<R>
where
    F: Function<A, Output = R>,
    A: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    Process::new(function, args).start_method(method).start().unwrap()
}

/// Starts a process and gives what it returns.
#[track_caller]
pub(crate) fn run<F, A, R>(method: StartMethod, function: F, args: A) -> R
where
    F: Function<A, Output = R>,
    A: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    start(method, function, args).join().unwrap()
}

/// The body of a child that lives until a signal ends it.
pub(crate) fn live_on() {
    loop {
        std::thread::park();
    }
}

/// A child that has begun to run its function, and lives until [`Living::end`] or a signal.
pub(crate) struct Living {
    pub(crate) handle: JoinHandle<()>,
    gate: Sender<()>,
}

impl Living {
    pub(crate) fn start(method: StartMethod) -> Living {
        let (mut ready, sender) = pipe::<()>().unwrap();
        let (receiver, gate) = pipe::<()>().unwrap();
        let handle = start(method, live_until, (receiver, sender));
        ready.recv().unwrap();
        Living { handle, gate }
    }

    /// Lets it return.
    pub(crate) fn end(mut self) -> Result<(), JoinError> {
        self.gate.send(&()).unwrap();
        self.handle.join()
    }
}

/// Says that it is there, and waits for a word.
pub(crate) fn live_until(mut gate: Receiver<()>, mut ready: Sender<()>) {
    ready.send(&()).unwrap();
    gate.recv().unwrap();
}
