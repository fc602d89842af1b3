//! Forks, limits and counts: what Rust has no safe form of, or `/proc` tells.
#![allow(unsafe_code, reason = "that is what it is for")]

use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, WaitOptions};

/// A process that was forked in the middle of a body.
pub(crate) struct Forked(Pid);

/// Forks this process, which has one thread: `None` in the child, which has to [`leave`].
pub(crate) fn fork() -> Option<Forked> {
    assert_eq!(std::fs::read_dir("/proc/self/task").unwrap().count(), 1);
    // SAFETY: there is one thread, so no lock of another stays locked in the child.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        std::panic::set_hook(Box::new(|panic| {
            eprintln!("in a forked child: {panic}");
            leave(101)
        }));
        return None;
    }
    Some(Forked(Pid::from_raw(pid).expect("fork")))
}

impl Forked {
    /// Waits until the child has left without a complaint.
    #[track_caller]
    pub(crate) fn join(self) {
        let deadline = crate::support::soon();
        loop {
            let status = rustix::process::waitpid(Some(self.0), WaitOptions::NOHANG).unwrap();
            if let Some((_, status)) = status {
                assert_eq!(status.exit_status(), Some(0), "{status:?}");
                return;
            }
            assert!(std::time::Instant::now() < deadline, "the forked child hangs");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Ends this process without any hook.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` may be called at any time.
    unsafe { libc::_exit(code) }
}

/// Has a write beyond the limit of a file's size be an error only.
pub(crate) fn ignore_limit_of_files() {
    // SAFETY: to ignore a signal runs no code in a handler.
    let before = unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR);
}

/// Has the files of this process, also those in memory, end at so many bytes; without end for
/// `None`.
pub(crate) fn limit_files(bytes: Option<u64>) {
    set(Resource::Fsize, bytes);
}

/// Runs `work` with as many descriptors as are open, and `more`.
pub(crate) fn with_descriptors<R>(more: usize, work: impl FnOnce() -> R) -> R {
    let before = rustix::process::getrlimit(Resource::Nofile).current;
    // What is open has the lowest numbers once the gaps are filled.
    let mut fillers = Vec::new();
    let highest = descriptors().into_iter().max().unwrap();
    loop {
        let filler = std::fs::File::open("/dev/null").unwrap();
        if std::os::fd::AsRawFd::as_raw_fd(&filler) > highest {
            break;
        }
        fillers.push(filler);
    }
    set(Resource::Nofile, Some(highest as u64 + 1 + more as u64));
    let result = work();
    set(Resource::Nofile, before);
    result
}

fn set(resource: Resource, current: Option<u64>) {
    let maximum = rustix::process::getrlimit(resource).maximum;
    rustix::process::setrlimit(resource, Rlimit { current: current.or(maximum), maximum }).unwrap();
}

/// The descriptors that are open, without the one that looks.
pub(crate) fn descriptors() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let numbers: Vec<i32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let is_open = |number: &i32| std::fs::read_link(format!("/proc/self/fd/{number}")).is_ok();
    numbers.into_iter().filter(is_open).collect()
}

/// The bytes of memory that the queues of this process take, each counted once.
pub(crate) fn bytes_of_queues() -> u64 {
    let mut files = std::collections::BTreeMap::new();
    for number in descriptors() {
        let path = format!("/proc/self/fd/{number}");
        let name = std::fs::read_link(&path).unwrap_or_default();
        if name.to_string_lossy().contains("multiproc-shm") {
            let about = std::fs::metadata(&path).unwrap();
            let (inode, blocks) = {
                use std::os::unix::fs::MetadataExt;
                (about.ino(), about.blocks())
            };
            files.insert(inode, blocks * 512);
        }
    }
    files.values().sum()
}

/// A line of `/proc/meminfo`, in bytes.
pub(crate) fn memory(line: &str) -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = info.lines().find(|text| text.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// The time of the processor that a process has used.
pub(crate) fn processor_time(pid: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Has the system refuse memory for files beyond so many bytes from their beginning, for good.
///
/// There is no limit that does this to one process, so the call is filtered.
pub(crate) fn refuse_memory_beyond(bytes: u32) {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const ARGUMENTS: u32 = 16;
    let load = |at| statement(LOAD, at);
    let jump = |how, value, yes, no| libc::sock_filter {
        code: (libc::BPF_JMP | how | libc::BPF_K) as u16,
        jt: yes,
        jf: no,
        k: value,
    };
    let refusal = libc::SECCOMP_RET_ERRNO | libc::ENOSPC.cast_unsigned();
    let filter = [
        load(0), // The number of the call.
        jump(libc::BPF_JEQ, libc::SYS_fallocate as u32, 0, 7),
        load(ARGUMENTS + 8), // The mode; to give back memory is well.
        jump(libc::BPF_JSET, libc::FALLOC_FL_PUNCH_HOLE.cast_unsigned(), 5, 0),
        load(ARGUMENTS + 16), // The lower half of the offset.
        statement(libc::BPF_MISC | libc::BPF_TAX, 0),
        load(ARGUMENTS + 24), // The lower half of the length.
        statement(libc::BPF_ALU | libc::BPF_ADD | libc::BPF_X, 0),
        jump(libc::BPF_JGT, bytes, 1, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
        statement(libc::BPF_RET | libc::BPF_K, refusal),
    ];
    install(&filter);
}

fn statement(code: u32, value: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k: value }
}

fn install(filter: &[libc::sock_filter]) {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: it only takes privileges away.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let (mode, program) = (libc::SECCOMP_MODE_FILTER, &raw const program);
    // SAFETY: the program is as long as it says, and read during the call only.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, program) }, 0);
}
