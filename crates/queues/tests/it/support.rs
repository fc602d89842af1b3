//! What the tests stand on: bodies with other processes run in a process of their own (a *host*,
//! with one thread, so that it can fork), which is checked for leftovers; a [`Child`] does
//! something while the body watches it.

use std::fs::File;
use std::io::{Read, Seek};
use std::time::{Duration, Instant};

use ipc_pipe::{Handle, Receiver, Sender, pipe};
use procspawn_core::{
    ExitStatus, Function, JoinError, JoinHandle, Process, RemoteFn, StartMethod, active_children,
};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How long anything may take that happens soon unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// How long a whole body may take.
const HANG: Duration = Duration::from_secs(150);

/// Makes a test of one body for each start method.
macro_rules! three_tests {
    ($body:expr) => {
        #[test]
        fn spawn() {
            crate::support::in_host($body, procspawn_core::StartMethod::Spawn);
        }
        #[test]
        fn forkserver() {
            crate::support::in_host($body, procspawn_core::StartMethod::ForkServer);
        }
        #[test]
        fn fork() {
            crate::support::in_host($body, procspawn_core::StartMethod::Fork);
        }
    };
}

/// Makes a module per body with a test for each start method.
macro_rules! each_method {
    ($($body:ident),* $(,)?) => {$(
        mod $body {
            crate::support::three_tests! { super::$body }
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

pub(crate) use {each_method, only, three_tests};

/// Runs a body in a host, and fails with its message.
#[track_caller]
pub(crate) fn in_host(body: impl Function<(StartMethod,), Output = ()>, method: StartMethod) {
    let mut log = File::from(rustix::fs::memfd_create("log", MemfdFlags::CLOEXEC).unwrap());
    let args = (RemoteFn::new(body), method, Handle(log.try_clone().unwrap()));
    let mut host = Process::new(host, args).name("host").daemon(false).start().unwrap();
    let result = host.join_timeout(HANG);
    if result.is_none() {
        let _ = host.kill();
    }
    let left = end_of_session(host.pid());
    let failed = match result {
        None => Some(format!("it hangs: not done after {HANG:?}")),
        Some(Err(JoinError::Panicked { message, location, .. })) => {
            Some(format!("{message}\n at {location}"))
        }
        Some(Err(error)) => Some(format!("the host: {error}")),
        Some(Ok(())) if left > 0 => Some(format!("{left} processes are left behind")),
        Some(Ok(())) => None,
    };
    if let Some(why) = failed {
        let mut text = String::new();
        log.rewind().unwrap();
        log.read_to_string(&mut text).unwrap();
        panic!("{why}\n--- output ---\n{text}--- end ---");
    }
}

/// The life of a host.
fn host(body: RemoteFn<(StartMethod,)>, method: StartMethod, Handle(log): Handle<File>) {
    rustix::process::setsid().unwrap();
    rustix::stdio::dup2_stdout(&log).unwrap();
    rustix::stdio::dup2_stderr(&log).unwrap();
    drop(log);
    let before = shared_memory();
    body.call((method,));
    assert!(active_children().is_empty(), "children are left: {:?}", active_children());
    assert_eq!(shared_memory(), before, "descriptors and mappings of shared memory are left");
}

/// How many descriptors and how many mappings of shared memory this process has.
pub(crate) fn shared_memory() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let is_shared = |name: &str| name.contains("multiproc-shm");
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let descriptors = targets.filter(|target| is_shared(&target.to_string_lossy())).count();
    (descriptors, maps.lines().filter(|line| is_shared(line)).count())
}

/// Waits until the processes of a session are gone, and kills those that stay; how many.
fn end_of_session(host: u32) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = session(host);
        if left.is_empty() {
            return 0;
        }
        if Instant::now() > deadline {
            // All of them belong to the host's session, which is of this test alone.
            for pid in &left {
                let _ = rustix::process::kill_process(*pid, Signal::KILL);
            }
            return left.len();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The processes of a host's session that run.
fn session(host: u32) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let ours = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let fields: Vec<_> = fields.split_whitespace().collect();
        fields.len() > 3 && fields[0] != "Z" && fields[3] == host.to_string()
    };
    pids.filter(ours).filter_map(Pid::from_raw).collect()
}

/// Says why a test could not be done here.
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
    // The host's output is shown for failures only, so the reason goes to the terminal as well.
    if let Ok(mut terminal) = File::options().append(true).open("/dev/tty") {
        let _ = std::io::Write::write_all(&mut terminal, format!("skipped: {why}\n").as_bytes());
    }
}

/// Runs a function in another process.
#[track_caller]
pub(crate) fn run<F, A, R>(method: StartMethod, function: F, args: A) -> R
where
    F: Function<A, Output = R>,
    A: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    let mut handle =
        Process::new(function, args).daemon(true).start_method(method).start().unwrap();
    handle.join_timeout(PATIENCE).expect("it hangs").unwrap()
}

/// What a child has to keep in step with the test.
#[derive(Serialize, Deserialize)]
pub(crate) struct Turn {
    ready: Sender<()>,
    gate: Receiver<()>,
}

impl Turn {
    /// Tells the test that the child has come so far.
    pub(crate) fn ready(&mut self) {
        self.ready.send(&()).unwrap();
    }

    /// Waits until the test lets it go on.
    pub(crate) fn wait(&mut self) {
        self.gate.recv().unwrap();
    }

    /// Both.
    pub(crate) fn pass(&mut self) {
        self.ready();
        self.wait();
    }
}

/// A process that the test watches.
pub(crate) struct Child<R> {
    handle: JoinHandle<R>,
    ready: Receiver<()>,
    gate: Sender<()>,
}

impl<R: Serialize + DeserializeOwned + 'static> Child<R> {
    /// Starts a process that runs `function` with its turn and a handle like `shared`.
    #[track_caller]
    pub(crate) fn start<F, T>(method: StartMethod, shared: &T, function: F) -> Child<R>
    where
        F: Function<(T, Turn), Output = R>,
        T: Clone + Serialize + DeserializeOwned + 'static,
    {
        let (ready, sender) = pipe().unwrap();
        let (receiver, gate) = pipe().unwrap();
        let args = (shared.clone(), Turn { ready: sender, gate: receiver });
        // A daemon dies with the host, whatever becomes of the test.
        let process = Process::new(function, args).daemon(true).start_method(method);
        Child { handle: process.start().unwrap(), ready, gate }
    }

    /// As [`start`](Child::start), and waits until it is ready.
    #[track_caller]
    pub(crate) fn ready<F, T>(method: StartMethod, shared: &T, function: F) -> Child<R>
    where
        F: Function<(T, Turn), Output = R>,
        T: Clone + Serialize + DeserializeOwned + 'static,
    {
        let mut child = Child::start(method, shared, function);
        child.wait_ready();
        child
    }

    #[track_caller]
    pub(crate) fn wait_ready(&mut self) {
        self.ready.recv_timeout(PATIENCE).unwrap();
    }

    /// Waits until it is ready and then sleeps in a wait.
    #[track_caller]
    pub(crate) fn wait_asleep(&mut self) {
        self.wait_ready();
        self.assert_asleep();
    }

    #[track_caller]
    pub(crate) fn assert_asleep(&self) {
        eventually("asleep", || self.sleeps());
    }

    /// True if it sleeps in a wait.
    pub(crate) fn sleeps(&self) -> bool {
        sleeps(&format!("/proc/{}", self.handle.pid()))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.handle.pid()
    }

    /// Lets it go on.
    #[track_caller]
    pub(crate) fn go(&mut self) {
        self.gate.send(&()).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn join(&mut self) -> R {
        self.result().unwrap()
    }

    #[track_caller]
    pub(crate) fn result(&mut self) -> Result<R, JoinError> {
        self.handle.join_timeout(PATIENCE).expect("the child hangs")
    }

    /// Lets it go on to its end.
    #[track_caller]
    pub(crate) fn end(mut self) -> R {
        self.go();
        self.join()
    }

    /// Kills it, and returns when it is dead.
    #[track_caller]
    pub(crate) fn kill(mut self) {
        self.handle.kill().unwrap();
        let result = self.handle.join_timeout(PATIENCE).expect("it does not die");
        assert!(matches!(result, Err(JoinError::Signaled { signal: libc::SIGKILL, .. })));
    }

    /// Waits until it has died in another way.
    #[track_caller]
    pub(crate) fn dies(mut self) -> ExitStatus {
        drop(self.handle.join_timeout(PATIENCE).expect("it does not end"));
        self.handle.exit_status().unwrap()
    }

    /// Stops it, and returns when it has stopped.
    #[track_caller]
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        eventually("stopped", || state(self.pid()) == Some('T'));
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed()).unwrap();
        // It is our child and not waited for yet, so the pid is its own.
        rustix::process::kill_process(pid, signal).unwrap();
    }
}

/// The state that `/proc` gives a process.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim().chars().next()
}

/// True if the thread behind this folder of `/proc` sleeps in a futex or a poll: it naps at a gate,
/// or sleeps at a bell.
fn sleeps(folder: &str) -> bool {
    const SLEEPS: [i64; 4] =
        [libc::SYS_futex, libc::SYS_futex_waitv, libc::SYS_poll, libc::SYS_ppoll];
    let call = std::fs::read_to_string(format!("{folder}/syscall")).unwrap_or_default();
    let number = call.split(' ').next().and_then(|number| number.parse().ok());
    number.is_some_and(|number: i64| SLEEPS.contains(&number))
}

/// Waits until a thread of this process sleeps in a wait.
#[track_caller]
pub(crate) fn wait_for_thread(tid: i32) {
    eventually("asleep", || sleeps(&format!("/proc/self/task/{tid}")));
}

pub(crate) fn tid() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// Waits until something holds that soon does.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not {what} after {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A point in time that has passed.
pub(crate) fn past() -> Instant {
    Instant::now().checked_sub(Duration::from_secs(1)).unwrap()
}

/// A point in time that only a hang reaches.
pub(crate) fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// Does what may take until a deadline that only a hang reaches.
#[track_caller]
pub(crate) fn in_time<R>(work: impl FnOnce(Instant) -> R) -> R {
    let deadline = soon();
    let result = work(deadline);
    assert!(Instant::now() < deadline, "only the deadline has ended it");
    result
}

/// Random numbers, the same in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 24) as u32
    }

    /// Puts things into another order.
    pub(crate) fn shuffle<T>(&mut self, things: &mut [T]) {
        for at in (1..things.len()).rev() {
            things.swap(at, self.next() as usize % (at + 1));
        }
    }
}
