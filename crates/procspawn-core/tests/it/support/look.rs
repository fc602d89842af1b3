//! What the system tells of processes, descriptors and memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use ipc_pipe::{Receiver, Sender, pipe};
use procspawn_core::forkserver_pid;
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::PATIENCE;

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
pub(super) fn session(host: u32) -> Vec<Pid> {
    let ours = |process: &Seen| process.session == host && process.state != 'Z';
    let pids = processes().into_iter().filter(ours).map(|process| process.pid);
    pids.filter_map(|pid| Pid::from_raw(pid.cast_signed())).collect()
}

/// Waits until the last process of a session is gone; those that stay.
pub(super) fn end_of_session(host: u32) -> Vec<Pid> {
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
        let closing = threads() > 1 && Instant::now() < deadline;
        assert!(closing, "{left}");
        std::thread::yield_now();
    }
}

fn no_new_descriptors(before: &BTreeMap<i32, String>) -> Result<(), String> {
    let now = descriptors();
    // A body may put something else in the place of its standard streams.
    let opened: Vec<_> =
        now.iter().filter(|(fd, to)| **fd > 2 && before.get(fd) != Some(to)).collect();
    // One for this process, the pipe that daemons hang on, the fork server with its socket, the
    // reactor.
    let mut allowed = vec!["anon_inode:[pidfd]", "pipe:", "pipe:", "anon_inode:[eventpoll]"];
    if forkserver_pid().is_some() {
        allowed.extend(["anon_inode:[pidfd]", "socket:"]);
    }
    for (fd, to) in &opened {
        match allowed.iter().position(|kind| to.starts_with(kind)) {
            Some(at) => drop(allowed.swap_remove(at)),
            None => return Err(format!("descriptor {fd} ({to}) is left open, of {opened:?}")),
        }
    }
    Ok(())
}

/// How many threads this process has.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
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

/// True if the kernel still tells how a process ended that somebody has reaped, as Linux does from
/// 6.15 on.
pub(crate) fn kernel_remembers() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

/// The offsets in this program, as it is loaded, of all 16 bytes that are the same as those at
/// `offset`, and aligned so that a structure may begin there.
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
