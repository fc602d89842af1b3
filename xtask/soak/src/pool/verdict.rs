//! Whether what a call came to is what it may come to.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::pool::TaskError;

use super::account::Account;
use super::deed::{Answer, Deed, Due, Order, ordered_by};
use super::killer::Killer;

/// A call, and what may become of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) due: Due,
    /// Which call of its job it is.
    pub(crate) index: u64,
    pub(crate) deed: Deed,
    /// How often it may be begun again, if what its options say happens.
    pub(crate) again: u8,
    pub(crate) may_time_out: bool,
    pub(crate) may_be_cancelled: bool,
    pub(crate) may_be_terminated: bool,
}

impl Case {
    /// The call of an order of which nothing special is asked.
    pub(crate) fn new(order: &Order, index: u64) -> Case {
        Case {
            due: order.due(),
            index,
            deed: order.deed,
            again: 0,
            may_time_out: false,
            may_be_cancelled: false,
            may_be_terminated: false,
        }
    }
}

/// What calls came to: how many of each kind.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sum {
    pub(crate) rounds: u64,
    pub(crate) kills: u64,
    pub(crate) calls: u64,
    pub(crate) values: u64,
    pub(crate) died: u64,
    pub(crate) panicked: u64,
    pub(crate) timed_out: u64,
    pub(crate) cancelled: u64,
    pub(crate) terminated: u64,
    /// Begun more than once, as its retry allows.
    pub(crate) again: u64,
    /// In a chunk the first of which another worker began, which was killed.
    pub(crate) redelivered: u64,
}

/// Who judges; all threads share it.
#[derive(Debug)]
pub(crate) struct Judge {
    pub(crate) account: Account,
    pub(crate) killer: Killer,
    sum: Mutex<Sum>,
}

impl Judge {
    pub(crate) fn new(account: Account) -> Judge {
        Judge { account, killer: Killer::default(), sum: Mutex::default() }
    }

    /// Judges what a call came to.
    pub(crate) fn judge(
        &self,
        case: &Case,
        result: Result<Answer, TaskError>,
    ) -> Result<(), String> {
        let call = case.due.call;
        let (begun, ended) = (self.account.begun(call), self.account.ended(call));
        let wrong = |what: &str| {
            let (first, last) = (self.account.first(call), self.account.process(call));
            let (first, last) = (self.killer.describe(first), self.killer.describe(last));
            Err(format!(
                "call {call} {what}; it began {begun} times, first in {first}, and last in {last}, \
                 and ended {ended} times: {case:?}"
            ))
        };
        if begun > 1 + case.again {
            return wrong(&format!("was made too often, and came to {result:?}"));
        }
        let mut sum = Sum { calls: 1, again: u64::from(begun > 1), ..Sum::default() };
        match result {
            Ok(answer) => {
                case.due.verify(&answer)?;
                sum.values = 1;
                if ended == 0 || case.again == 0 && ended > 1 || case.deed == Deed::Panic {
                    return wrong("has a value");
                }
            }
            Err(TaskError::WorkerDied(died)) => {
                self.killer.blame(died.pid, call)?;
                if died.index != case.index {
                    return wrong(&format!("died as call {} of its job", died.index));
                }
                sum.died = 1;
            }
            Err(TaskError::Panicked { message, .. }) => {
                sum.panicked = 1;
                let ordered = case.deed == Deed::Panic && ordered_by(&message) == Some(call);
                if !ordered || begun == 0 || ended > 0 {
                    return wrong(&format!("panicked with {message:?}"));
                }
            }
            Err(TaskError::TimedOut(_)) if case.may_time_out => sum.timed_out = 1,
            Err(TaskError::Cancelled) if case.may_be_cancelled => sum.cancelled = 1,
            Err(TaskError::Terminated) if case.may_be_terminated => sum.terminated = 1,
            Err(error) => return wrong(&format!("failed with {error:?}")),
        }
        self.add(&sum);
        Ok(())
    }

    /// Judges a call of which nobody knows what it came to.
    pub(crate) fn judge_unseen(&self, call: u32) -> Result<(), String> {
        match self.account.begun(call) {
            0 | 1 => Ok(()),
            begun => Err(format!("call {call}, for which nobody waits, was made {begun} times")),
        }
    }

    pub(crate) fn add(&self, sum: &Sum) {
        self.lock().add(sum);
    }

    /// What the round came to so far.
    pub(crate) fn sum(&self) -> Sum {
        Sum { rounds: 1, kills: self.killer.kills(), ..self.lock().clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Sum> {
        // No code that can panic runs while it is locked.
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sum {
    pub(crate) fn add(&mut self, other: &Sum) {
        self.rounds += other.rounds;
        self.kills += other.kills;
        self.calls += other.calls;
        self.values += other.values;
        self.died += other.died;
        self.panicked += other.panicked;
        self.timed_out += other.timed_out;
        self.cancelled += other.cancelled;
        self.terminated += other.terminated;
        self.again += other.again;
        self.redelivered += other.redelivered;
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sum { rounds, kills, calls, values, died, .. } = self;
        let Sum { panicked, timed_out, cancelled, terminated, again, redelivered, .. } = self;
        write!(f, "{rounds} rounds, {calls} calls, {kills} kills: all accounted for; ")?;
        write!(f, "{values} values, {died} failed with their workers, ")?;
        write!(
            f,
            "{redelivered} redelivered, {again} made again by a retry, {panicked} panicked, "
        )?;
        write!(f, "{timed_out} timed out, {cancelled} cancelled, {terminated} terminated")
    }
}
