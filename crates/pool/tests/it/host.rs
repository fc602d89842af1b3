//! What the tests of pools of processes stand on: each body runs in a fresh process of its own, a
//! *host*, which is checked for leftovers.
//!
//! A host has one thread when its body begins, so that it can fork, a session of its own, and its own
//! limits, signals and descriptors. What it prints is kept and shown when it fails.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use ipc_pipe::Handle;
use ipc_shm::RawArray;
use pool::{Pool, PoolBuilder, TaskError, WorkerDied};
use procspawn_core::{
    Function, JoinError, Process, RemoteFn, StartMethod, active_children, forkserver_pid,
};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};

use crate::support::PATIENCE;

/// How long a whole body may take.
const HANG: Duration = Duration::from_secs(120);

/// Makes a module per body with a test for each start method.
macro_rules! each_method {
    ($($body:ident),* $(,)?) => {$(
        mod $body {
            use procspawn_core::StartMethod;
            #[test]
            fn spawn() {
                crate::host::in_host(super::$body, StartMethod::Spawn);
            }
            #[test]
            fn forkserver() {
                crate::host::in_host(super::$body, StartMethod::ForkServer);
            }
            #[test]
            fn fork() {
                crate::host::in_host(super::$body, StartMethod::Fork);
            }
        }
    )*};
}

/// Makes a module per body with one test, for what does not depend on how workers are started.
macro_rules! one_method {
    ($($body:ident),* $(,)?) => {$(
        mod $body {
            #[test]
            fn spawn() {
                crate::host::in_host(super::$body, procspawn_core::StartMethod::Spawn);
            }
        }
    )*};
}

pub(crate) use {each_method, one_method};

/// Runs a body in a host, and fails with its message.
#[track_caller]
pub(crate) fn in_host(body: impl Function<(StartMethod,), Output = ()>, method: StartMethod) {
    let log = nameless();
    let args = (RemoteFn::new(body), method, Handle(log.try_clone().unwrap()));
    let process = Process::new(host, args).name("host").daemon(false);
    let mut host = process.start_method(StartMethod::Spawn).start().unwrap();
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
    body.call((method,));
    assert_no_workers();
}

/// Fails if this process has children besides the fork server.
#[track_caller]
pub(crate) fn assert_no_workers() {
    let (left, known) = (workers(), active_children());
    assert!(left.is_empty() && known.is_empty(), "children are left: {left:?}, {known:?}");
}

/// How further pools are made in a process that has had one, and so has threads.
pub(crate) fn again(method: StartMethod) -> StartMethod {
    if method == StartMethod::Fork { StartMethod::Spawn } else { method }
}

pub(crate) fn builder(method: StartMethod, workers: usize) -> PoolBuilder {
    Pool::builder().workers(workers).start_method(method)
}

pub(crate) fn pool_of(method: StartMethod, workers: usize) -> Pool {
    builder(method, workers).build().unwrap()
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "it never comes to be");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Why a worker died that a task was in.
#[track_caller]
pub(crate) fn death<T: std::fmt::Debug>(result: Result<T, TaskError>) -> WorkerDied {
    match result {
        Err(TaskError::WorkerDied(died)) => died,
        other => panic!("the worker has not died: {other:?}"),
    }
}

/// Numbers that all processes count.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tally(RawArray<u64>);

impl Tally {
    pub(crate) fn new(numbers: usize) -> Tally {
        Tally(RawArray::with_len(numbers).unwrap())
    }

    /// Adds one; gives what there was before.
    pub(crate) fn add(&self, number: usize) -> u64 {
        self.0.as_atomics()[number].fetch_add(1, std::sync::atomic::Ordering::SeqCst)
    }

    pub(crate) fn set(&self, number: usize, value: u64) {
        self.0.as_atomics()[number].store(value, std::sync::atomic::Ordering::SeqCst);
    }

    pub(crate) fn get(&self, number: usize) -> u64 {
        self.0.as_atomics()[number].load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// The task that says where it runs.
pub(crate) fn own_pid() -> u32 {
    std::process::id()
}

/// The task that kills its worker.
pub(crate) fn kill_own() {
    rustix::process::kill_process(rustix::process::getpid(), Signal::KILL).unwrap();
}

/// Sends a signal to a child of this process, or to one of its session.
pub(crate) fn signal(pid: u32, signal: Signal) {
    let _ = rustix::process::kill_process(pid_of(pid), signal);
}

pub(crate) fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

/// The state, parent and session of a process, if it is there.
fn see(pid: u32) -> Option<(char, u32, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some((fields[0].chars().next()?, fields[1].parse().ok()?, fields[3].parse().ok()?))
}

fn processes() -> Vec<(u32, (char, u32, u32))> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, see(pid)?))).collect()
}

/// True if a process runs.
pub(crate) fn is_alive(pid: u32) -> bool {
    see(pid).is_some_and(|(state, ..)| state != 'Z')
}

/// The processes that this one has started, zombies included. Those of a fork server are its own.
pub(crate) fn workers() -> Vec<u32> {
    let (own, server) = (std::process::id(), forkserver_pid());
    let all = processes().into_iter().filter(|(_, (_, parent, _))| *parent == own);
    all.map(|(pid, _)| pid).filter(|pid| Some(*pid) != server).collect()
}

fn session(host: u32) -> Vec<Pid> {
    let ours = |process: &(u32, (char, u32, u32))| process.1.2 == host && process.1.0 != 'Z';
    processes().into_iter().filter(ours).map(|process| pid_of(process.0)).collect()
}

/// Waits until the last process of a session is gone; those that stay.
fn end_of_session(host: u32) -> Vec<Pid> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = session(host);
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}

/// An observer of any process.
pub(crate) struct Observed(OwnedFd);

impl Observed {
    pub(crate) fn new(pid: u32) -> Observed {
        Observed(rustix::process::pidfd_open(pid_of(pid), PidfdFlags::empty()).unwrap())
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) {
        let ended = !ipc_pipe::wait(&[self.0.as_fd()], Some(PATIENCE)).unwrap().is_empty();
        assert!(ended, "the process has not ended in {PATIENCE:?}");
    }
}

/// All that has been written to a file.
pub(crate) fn contents(mut file: File) -> String {
    let mut text = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut text).unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

/// A file without a name.
pub(crate) fn nameless() -> File {
    File::from(rustix::fs::memfd_create("test", MemfdFlags::CLOEXEC).unwrap())
}

/// Forks by hand, as C code would that knows nothing of pools: 0 in the child.
pub(crate) fn fork() -> i32 {
    // SAFETY: the children of these tests leave soon, allocate as glibc allows, and take no lock of
    // another thread.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    pid
}

/// Ends this process without any hook.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` may be called at any time.
    unsafe { libc::_exit(code) }
}

/// Closes all descriptors, the standard streams excepted, as daemons do that know no better.
pub(crate) fn close_all() {
    // SAFETY: what owned them in this process finds them closed, which is what the test is about.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
}
