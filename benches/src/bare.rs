//! The other processes of the bare contenders: this program again, in the role its argument says.
//!
//! Each role is the least that the kernel lets one do for the job; our crates are held against it.
//! A role talks over its stdin (a socket, or a pipe for the sink) and ends when that is closed.
#![allow(unsafe_code, reason = "fork")]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};

use rustix::process::{Pid, WaitOptions, waitpid};

/// The role that does nothing: `main` returns first thing.
pub(crate) const LEAVE: &str = "--leave";
/// For each byte: fork, the child leaves, wait for it, answer with a byte.
pub(crate) const FORK_SERVER: &str = "--bare-forkserver";
/// Sends eight bytes back as they come.
pub(crate) const ECHO: &str = "--bare-echo";
/// Reads as many bytes as a head of eight bytes says, then tells on stdout how many came.
pub(crate) const SINK: &str = "--bare-sink";

/// What is written to a sink at once, and what it reads at once.
pub(crate) const BLOCK: usize = 1 << 20;

/// Plays the role that the first argument names, if it names one; call this first in `main`.
pub(crate) fn served() -> bool {
    let role = std::env::args_os().nth(1);
    let serve = match role.as_deref().and_then(OsStr::to_str) {
        Some(LEAVE) => return true,
        Some(FORK_SERVER) => fork_server,
        Some(ECHO) => echo,
        Some(SINK) => sink,
        _ => return false,
    };
    let input = io::stdin().as_fd().try_clone_to_owned().expect("stdin is open");
    // The end of the input is how a role learns that it is no longer needed.
    let _ = serve(File::from(input));
    true
}

fn fork_server(mut socket: File) -> io::Result<()> {
    let mut request = [0];
    loop {
        socket.read_exact(&mut request)?;
        fork_and_wait()?;
        socket.write_all(&request)?;
    }
}

/// Forks a child that leaves at once, and waits for it. Only for processes with one thread.
pub(crate) fn fork_and_wait() -> io::Result<()> {
    // SAFETY: the process has one thread, and the child calls nothing but `_exit`.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: ends the child without running what the parent has registered for its end.
        unsafe { libc::_exit(0) }
    }
    let child = Pid::from_raw(pid).ok_or_else(io::Error::last_os_error)?;
    let ended = waitpid(Some(child), WaitOptions::empty())?;
    let left_well = ended.is_some_and(|(_, status)| status.exit_status() == Some(0));
    if left_well { Ok(()) } else { Err(io::Error::other("the forked child did not leave with 0")) }
}

fn echo(mut socket: File) -> io::Result<()> {
    let mut word = [0; 8];
    loop {
        socket.read_exact(&mut word)?;
        socket.write_all(&word)?;
    }
}

fn sink(mut input: File) -> io::Result<()> {
    let mut answers = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut block = vec![0; BLOCK];
    loop {
        let mut head = [0; 8];
        input.read_exact(&mut head)?;
        let (wanted, mut got) = (u64::from_le_bytes(head), 0);
        while got < wanted {
            match input.read(&mut block)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => got += n as u64,
            }
        }
        answers.write_all(&got.to_le_bytes())?;
    }
}

/// This program in one of the roles, at the other end of a socket.
#[derive(Debug)]
pub(crate) struct Helper {
    socket: File,
    process: Child,
}

impl Helper {
    /// Starts `role` with the socket as its stdin.
    pub(crate) fn start(role: &str) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let process = Command::new("/proc/self/exe").arg(role).stdin(theirs).spawn()?;
        Ok(Self { socket: File::from(OwnedFd::from(ours)), process })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends `request` and reads the answer, of the same length, in its place.
    pub(crate) fn exchange(&mut self, request: &mut [u8]) -> io::Result<()> {
        self.socket.write_all(request)?;
        self.socket.read_exact(request)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // The helper holds no state that is worth an orderly end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
