//! A forked process of a run: started, watched, and reaped without fail.
#![allow(unsafe_code, reason = "forks")]

use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use crate::board::Slot;

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed(String),
    Signal(i32),
}

/// A child of the harness. Dropping it kills and reaps it.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Pid,
    slot: usize,
    exit: Option<Exit>,
}

impl Child {
    /// Forks a process that does `work` and ends; what it returns or panics with is its message.
    pub(crate) fn start(work: impl FnOnce() -> Result<(), String>) -> Self {
        let slot = Slot::take();
        // SAFETY: the harness has one thread, so the child's copy of it is whole.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "cannot fork: {}", std::io::Error::last_os_error());
        match Pid::from_raw(pid) {
            Some(pid) => Self { pid, slot, exit: None },
            None => serve(slot, work),
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn slot(&self) -> &'static Slot {
        Slot::at(self.slot)
    }

    /// Waits until the process has ended, sleeps, or holds; false if it does none of it in time.
    pub(crate) fn settles(&mut self, until: Instant) -> bool {
        let mut asleep = 0;
        while asleep < 2 {
            if self.slot().is_holding() || self.has_ended() {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            asleep = if self.slot().has_begun() && self.sleeps() { asleep + 1 } else { 0 };
            std::thread::sleep(Duration::from_micros(30));
        }
        true
    }

    /// Whether the process sleeps in a system call; it may be about to wake up.
    pub(crate) fn sleeps(&self) -> bool {
        let stat = std::fs::read(format!("/proc/{}/stat", self.pid.as_raw_nonzero()));
        stat.is_ok_and(|stat| state(&stat) == Some(b'S'))
    }

    fn has_ended(&mut self) -> bool {
        if self.exit.is_none() {
            self.watch(WaitOptions::NOHANG);
        }
        self.exit.is_some()
    }

    /// Waits for the end; none if it does not come in time.
    pub(crate) fn ends(&mut self, until: Instant) -> Option<Exit> {
        while self.exit.is_none() {
            if self.watch(WaitOptions::empty()).is_none() && Instant::now() >= until {
                return None;
            }
        }
        self.exit.clone()
    }

    /// One look at the process; none if there was nothing to see, or if the tick came first.
    pub(crate) fn watch(&mut self, options: WaitOptions) -> Option<WaitStatus> {
        let status = match rustix::process::waitpid(Some(self.pid), options) {
            Ok(seen) => seen?.1,
            Err(Errno::INTR) => return None,
            Err(error) => panic!("cannot wait for a child: {error}"),
        };
        if let Some(signal) = status.terminating_signal() {
            self.exit = Some(Exit::Signal(signal));
        } else if let Some(code) = status.exit_status() {
            self.exit = Some(if code == 0 { Exit::Done } else { Exit::Failed(self.slot().said()) });
        }
        Some(status)
    }

    /// How the process ended, if it has.
    pub(crate) fn exit(&self) -> Option<&Exit> {
        self.exit.as_ref()
    }

    /// Kills the process where it is and reaps it.
    pub(crate) fn kill(&mut self) {
        if self.exit.is_some() {
            return;
        }
        // Not reaped yet, so the number is still this child's.
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        while self.exit.is_none() {
            self.watch(WaitOptions::empty());
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The child's whole life.
fn serve(slot: usize, work: impl FnOnce() -> Result<(), String>) -> ! {
    // If the harness dies, so do its children; it cannot fail with a signal that exists.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    panic::set_hook(Box::new(|info| {
        Slot::own().into_iter().for_each(|slot| slot.say(&info.to_string().replace('\n', " ")));
    }));
    Slot::occupy(slot);
    let code = match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => 0,
        Ok(Err(message)) => {
            Slot::at(slot).say(&message);
            1
        }
        Err(_) => 1,
    };
    // SAFETY: ends the process without the exit handlers and destructors that are the harness's.
    unsafe { libc::_exit(code) }
}

/// The state letter of `/proc/PID/stat`: it follows the name in parentheses, which may have some.
fn state(stat: &[u8]) -> Option<u8> {
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    stat.get(name_ends + 2).copied()
}

#[cfg(test)]
mod tests {
    use super::state;

    #[test]
    fn the_state_follows_a_name_with_parentheses() {
        assert_eq!(state(b"12 (a) S (b)) R 1 2"), Some(b'R'));
        assert_eq!(state(b"12 (a"), None);
    }
}
