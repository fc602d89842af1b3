//! Who kills workers, and knows whom.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::pool::Pool;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::dice::Dice;

/// The longest that a worker is stopped before it is killed.
const STOPPED: Duration = Duration::from_millis(15);

/// The workers that were killed, and what that cost.
#[derive(Debug, Default)]
pub(crate) struct Killer(Mutex<HashMap<u32, Killed>>);

#[derive(Debug, Default, Clone, Copy)]
struct Killed {
    times: u32,
    /// How many calls have failed with it.
    calls: u32,
}

impl Killer {
    /// Kills one of the pool's workers, now and then after it was stopped for a while.
    pub(crate) fn kill_one(&self, pool: &Pool, dice: &mut Dice) {
        let pids = pool.pids();
        if pids.is_empty() {
            return;
        }
        let pid = pids[dice.below(pids.len() as u64) as usize];
        let Some(raw) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
        let Ok(process) = pidfd_open(raw, PidfdFlags::empty()) else { return };
        // If it is still a worker, the descriptor is of this one and not of another with its number.
        if !pool.pids().contains(&pid) {
            return;
        }
        self.lock().entry(pid).or_default().times += 1;
        // A worker that has ended meanwhile needs no signal.
        if dice.below(4) == 0 {
            let _ = pidfd_send_signal(&process, Signal::STOP);
            std::thread::sleep(dice.time(STOPPED));
        }
        let _ = pidfd_send_signal(&process, Signal::KILL);
    }

    /// Notes that a call has failed with a worker, which must have been killed, with no other call.
    pub(crate) fn blame(&self, pid: u32, call: u32) -> Result<(), String> {
        let mut killed = self.lock();
        let Some(killed) = killed.get_mut(&pid) else {
            return Err(format!("call {call} died with worker {pid}, which nobody has killed"));
        };
        killed.calls += 1;
        if killed.calls > killed.times {
            return Err(format!("call {call} is not the only one that died with worker {pid}"));
        }
        Ok(())
    }

    /// What became of a worker, for people.
    pub(crate) fn describe(&self, pid: u32) -> String {
        match self.lock().get(&pid) {
            Some(Killed { calls, .. }) => format!("{pid}, killed, with {calls} calls"),
            None => format!("{pid}, not killed"),
        }
    }

    pub(crate) fn kills(&self) -> u64 {
        self.lock().values().map(|killed| u64::from(killed.times)).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Killed>> {
        // No code that can panic runs while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
