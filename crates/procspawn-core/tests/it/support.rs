//! What the tests stand on: each body runs in a fresh process of its own, which is checked for leftovers.
//!
//! libtest has threads, so nothing could be forked from a test, and signal handlers, limits and the list
//! of children are of the whole process. A body therefore runs in a *host*: a process with one thread,
//! started by our own spawn method, in a session of its own. Its output is kept and shown when it fails.
#![allow(unsafe_code, reason = "signal handlers, and calls that rustix has no safe form of")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use ipc_pipe::{Handle, Receiver, Sender, pipe};
use procspawn_core::{
    Function, JoinError, JoinHandle, Process, RemoteFn, StartError, StartMethod, active_children,
    forkserver_pid,
};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal};
use serde::Serialize;
use serde::de::DeserializeOwned;

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

// --- starting -------------------------------------------------------------------------------------

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

// --- looking --------------------------------------------------------------------------------------

/// A child of this process, as the system sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) pid: u32,
    pub(crate) state: char,
    parent: u32,
    session: u32,
}

/// All processes.
fn processes() -> Vec<Seen> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| see(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// What `/proc` tells of a process, if it is there.
pub(crate) fn see(pid: u32) -> Option<Seen> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<_> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields[at].parse().ok();
    Some(Seen { pid, state: fields[0].chars().next()?, parent: number(1)?, session: number(3)? })
}

/// The children of this process, zombies included.
pub(crate) fn children() -> Vec<Seen> {
    let own = std::process::id();
    processes().into_iter().filter(|process| process.parent == own).collect()
}

/// How many children of this process have ended and not been reaped.
pub(crate) fn zombies() -> usize {
    children().iter().filter(|child| child.state == 'Z').count()
}

/// The processes of a host's session that run.
fn session(host: u32) -> Vec<Pid> {
    let ours = |process: &Seen| process.session == host && process.state != 'Z';
    let pids = processes().into_iter().filter(ours).map(|process| process.pid);
    pids.filter_map(|pid| Pid::from_raw(pid.cast_signed())).collect()
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

/// The descriptors of this process and what each is.
pub(crate) fn descriptors() -> BTreeMap<i32, String> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let number = |entry: &std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let target = |entry: &std::fs::DirEntry| {
        Some(std::fs::read_link(entry.path()).ok()?.display().to_string())
    };
    // The descriptor of the listing itself is gone by the time it is looked at.
    entries
        .filter_map(|entry| Some((number(&entry)?, target(&entry)?)))
        .filter(|(_, to)| !to.starts_with("/proc/"))
        .collect()
}

/// Fails if descriptors were opened since, other than the few that the library keeps for good.
#[track_caller]
pub(crate) fn assert_no_new_descriptors(before: &BTreeMap<i32, String>) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(left) = no_new_descriptors(before) {
        // The thread that wakes futures closes its descriptors when it gets to it.
        let closing = has_thread("multiproc-reac") && Instant::now() < deadline;
        assert!(closing, "{left}");
        std::thread::yield_now();
    }
}

fn no_new_descriptors(before: &BTreeMap<i32, String>) -> Result<(), String> {
    let now = descriptors();
    // A body may put something else in the place of its standard streams.
    let opened: Vec<_> =
        now.iter().filter(|(fd, to)| **fd > 2 && before.get(fd) != Some(to)).collect();
    // One for this process, the pipe that daemons hang on, the fork server with its socket, the reactor.
    let mut allowed = vec!["anon_inode:[pidfd]", "pipe:", "pipe:"];
    if forkserver_pid().is_some() {
        allowed.extend(["anon_inode:[pidfd]", "socket:"]);
    }
    if has_thread("multiproc-reac") {
        allowed.push("anon_inode:[eventpoll]");
    }
    for (fd, to) in &opened {
        match allowed.iter().position(|kind| to.starts_with(kind)) {
            Some(at) => drop(allowed.swap_remove(at)),
            None => return Err(format!("descriptor {fd} ({to}) is left open, of {opened:?}")),
        }
    }
    Ok(())
}

/// True if this process has a thread of a name that begins so.
fn has_thread(name: &str) -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.into_iter().any(|comm| comm.starts_with(name))
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

/// An observer of any process, child or not.
pub(crate) struct Observed(OwnedFd);

impl Observed {
    /// Watches a process that is known to be there.
    pub(crate) fn new(pid: u32) -> Observed {
        Observed(rustix::process::pidfd_open(pid_of(pid), PidfdFlags::empty()).unwrap())
    }

    /// Watches a process that may be gone already.
    pub(crate) fn try_new(pid: u32) -> Option<Observed> {
        rustix::process::pidfd_open(pid_of(pid), PidfdFlags::empty()).ok().map(Observed)
    }

    /// Waits until it has ended.
    #[track_caller]
    pub(crate) fn wait_for_end(&self) {
        assert!(self.ends_within(PATIENCE), "the process has not ended in {PATIENCE:?}");
    }

    pub(crate) fn ends_within(&self, timeout: Duration) -> bool {
        !ipc_pipe::wait(&[self.0.as_fd()], Some(timeout)).unwrap().is_empty()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::pidfd_send_signal(&self.0, signal).unwrap();
    }
}

pub(crate) fn pid_of(pid: u32) -> Pid {
    Pid::from_raw(pid.cast_signed()).unwrap()
}

/// A pipe of pids.
pub(crate) fn pids() -> (Receiver<u32>, Sender<u32>) {
    pipe().unwrap()
}

// --- signals and the C library --------------------------------------------------------------------

/// Has `handler` called on a signal, and system calls interrupted by it.
pub(crate) fn on_signal(signal: i32, handler: extern "C" fn(i32)) {
    // SAFETY: all zeroes are a valid `sigaction`: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as libc::sighandler_t;
    // SAFETY: the handlers of these tests only touch atomics or make system calls.
    let result = unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Ignores a signal, or takes its default action again.
pub(crate) fn set_signal(signal: i32, disposition: libc::sighandler_t) {
    assert!(disposition == libc::SIG_IGN || disposition == libc::SIG_DFL);
    // SAFETY: neither disposition runs code.
    unsafe { libc::signal(signal, disposition) };
}

/// Sends this process SIGALRM again and again.
pub(crate) fn alarm_every(interval: Duration) {
    let interval = libc::timeval {
        tv_sec: interval.as_secs().cast_signed(),
        tv_usec: interval.subsec_micros().into(),
    };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the call reads one `itimerval` and is told not to write one.
    let result =
        unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// Reaps one child, any; false if none has ended.
pub(crate) fn reap_any() -> bool {
    let options = rustix::process::WaitOptions::NOHANG;
    matches!(rustix::process::wait(options), Ok(Some(_)))
}

/// Ends this process without any hook.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` may be called at any time.
    unsafe { libc::_exit(code) }
}

/// Has `hook` called at an orderly exit.
pub(crate) fn at_exit(hook: extern "C" fn()) {
    // SAFETY: `hook` is a function of this program.
    assert_eq!(unsafe { libc::atexit(hook) }, 0);
}

/// Writes to C's buffered standard output.
pub(crate) fn c_puts(text: &std::ffi::CStr) {
    // SAFETY: `puts` reads a C string.
    unsafe { libc::puts(text.as_ptr()) };
}

/// Becomes an ordinary user.
pub(crate) fn become_user(uid: u32) {
    // SAFETY: the process has one thread, and nothing relies on its being root.
    assert_eq!(unsafe { libc::setgid(uid) }, 0);
    // SAFETY: as above.
    assert_eq!(unsafe { libc::setuid(uid) }, 0);
}

/// Sets a variable of the environment of this process and those it starts.
pub(crate) fn set_env(name: &str, value: &str) {
    assert_eq!(std::fs::read_dir("/proc/self/task").unwrap().count(), 1);
    // SAFETY: there is no other thread that could read the environment.
    unsafe { std::env::set_var(name, value) };
}

/// Closes a descriptor that nobody owns, or 0 to 2.
pub(crate) fn close(number: i32) {
    // SAFETY: the tests that call this name descriptors that no value of theirs owns.
    unsafe { rustix::io::close(number) };
}

/// Duplicates a descriptor to a number of choice, from which children that are executed inherit it.
pub(crate) fn inheritable_at(number: i32, source: impl AsFd) {
    // SAFETY: the number is free, says the test.
    let result = unsafe { libc::fcntl(source.as_fd().as_raw_fd(), libc::F_DUPFD, number) };
    assert_eq!(result, number);
}

/// Writes out what C has buffered.
pub(crate) fn c_flush() {
    // SAFETY: a null stream means all of them.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Forks in a process that has other threads.
pub(crate) fn fork_unchecked<R: Serialize + DeserializeOwned + 'static>(
    process: Process<R>,
) -> Result<JoinHandle<R>, StartError> {
    // SAFETY: the children of these tests allocate, which glibc allows, and take no lock of another thread.
    unsafe { process.start_fork_unchecked() }
}

/// True if the kernel still tells how a process ended that somebody has reaped: Linux 6.15 and newer.
pub(crate) fn kernel_remembers() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

/// The offsets in this program, as it is loaded, of all 16 bytes that are the same as those at `offset`, and
/// aligned so that a structure may begin there.
pub(crate) fn magic_places(offset: u64) -> Vec<u64> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let program = std::env::current_exe().unwrap().display().to_string();
    let ranges: Vec<(u64, u64)> = maps
        .lines()
        .filter(|line| line.ends_with(&program) && line.contains(" r"))
        .filter_map(|line| line.split_once(' ')?.0.split_once('-'))
        .map(|(from, to)| (hex(from), hex(to)))
        .collect();
    let base = ranges[0].0;
    let memory = File::open("/proc/self/mem").unwrap();
    let read = |from: u64, len: u64| {
        let mut bytes = vec![0; usize::try_from(len).unwrap()];
        std::os::unix::fs::FileExt::read_exact_at(&memory, &mut bytes, from).unwrap();
        bytes
    };
    let magic = read(base + offset, 16);
    let places = |(from, to): &(u64, u64)| {
        let bytes = read(*from, to - from);
        let found = memchr_all(&bytes, &magic);
        found.into_iter().map(|at| from - base + at as u64).collect::<Vec<_>>()
    };
    ranges.iter().flat_map(places).filter(|place| place % 8 == 0).collect()
}

/// Where `needle` stands in `hay`.
fn memchr_all(hay: &[u8], needle: &[u8]) -> Vec<usize> {
    let first = u64::from_ne_bytes(*needle.first_chunk().unwrap());
    let words = hay.as_chunks::<8>().0.iter().enumerate();
    let begins =
        words.filter(|(_, word)| u64::from_ne_bytes(**word) == first).map(|(at, _)| 8 * at);
    begins.filter(|at| hay[*at..].starts_with(needle)).collect()
}

fn hex(digits: &str) -> u64 {
    u64::from_str_radix(digits, 16).unwrap()
}

/// The memory of this process that is resident, in bytes.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}
