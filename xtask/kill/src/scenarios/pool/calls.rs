//! Calls with numbers, and notes in shared memory of how often each began and ended.

use std::sync::OnceLock;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU8, AtomicU32};

use pool::TaskError;
use serde::{Deserialize, Serialize};

use crate::scenario::Verdict;
use crate::shared::{Shared, Zeroed};

const CALLS: usize = 64;

/// What calls have done, in whichever process.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Notes {
    begun: [AtomicU8; CALLS],
    ended: [AtomicU8; CALLS],
    pub(crate) victim: AtomicU32,
    /// A worker of the victim's pool.
    pub(crate) worker: AtomicU32,
    /// The victim has come to the end of its operation.
    pub(crate) finished: AtomicU32,
}

// SAFETY: all fields are atomics, for which zero is a value.
#[allow(unsafe_code, reason = "the notes lie in shared memory")]
unsafe impl Zeroed for Notes {}

/// There is one stage at a time, and its calls find the notes without an argument.
pub(crate) fn notes() -> &'static Notes {
    static NOTES: OnceLock<Shared<Notes>> = OnceLock::new();
    NOTES.get_or_init(Shared::new)
}

/// Forgets the last stage.
pub(crate) fn wipe() {
    let notes = notes();
    notes.begun.iter().chain(&notes.ended).for_each(|count| count.store(0, SeqCst));
    notes.victim.store(0, SeqCst);
    notes.worker.store(0, SeqCst);
    notes.finished.store(0, SeqCst);
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    call: u32,
    load: String,
    reply: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    call: u32,
    load: String,
}

impl Order {
    /// Calls from number `first` on, with so many bytes of arguments and of values.
    pub(crate) fn all(first: u32, lengths: &[(usize, usize)]) -> Vec<(Order,)> {
        let order = |(call, (length, reply)): (u32, &(usize, usize))| {
            (Order { call, load: text(call, *length), reply: *reply },)
        };
        (first..).zip(lengths).map(order).collect()
    }
}

pub(crate) fn obey(order: Order) -> Answer {
    let Order { call, load, reply } = order;
    notes().begun[call as usize].fetch_add(1, SeqCst);
    assert!(is_of(call, &load), "torn arguments");
    let answer = Answer { call, load: text(call, reply) };
    notes().ended[call as usize].fetch_add(1, SeqCst);
    answer
}

/// A function that workers know by another number.
pub(crate) fn obey_too(order: Order) -> Answer {
    obey(order)
}

/// Text, as its encoding is its bytes; each of an array would be a step of a loop.
fn text(call: u32, length: usize) -> String {
    char::from(b'0' + call as u8).to_string().repeat(length)
}

fn is_of(call: u32, text: &str) -> bool {
    // The ends, since the whole would be the longest part of the operation.
    let letter = b'0' + call as u8;
    [text.bytes().next(), text.bytes().next_back()]
        .iter()
        .all(|it| it.is_none_or(|it| it == letter))
}

/// All calls have come to something: a value, if they were made once, but for the one that the victim
/// was in.
pub(crate) fn verify(outcomes: Vec<Option<Result<Answer, TaskError>>>, finished: bool) -> Verdict {
    let mut failed = 0;
    for (call, outcome) in outcomes.into_iter().enumerate() {
        let count = |counts: &[AtomicU8; CALLS]| counts[call].load(SeqCst);
        let times = (count(&notes().begun), count(&notes().ended));
        match outcome {
            Some(Ok(answer)) if times == (1, 1) => is_whole(call, &answer)?,
            Some(Err(TaskError::Terminated)) if times.0 <= 1 && !finished => failed += 1,
            other => return Err(format!("call {call}, made {times:?} times, came to {other:?}")),
        }
    }
    if failed > 1 { Err(format!("{failed} calls have failed")) } else { Ok(()) }
}

fn is_whole(call: usize, answer: &Answer) -> Verdict {
    if answer.call as usize == call && is_of(answer.call, &answer.load) {
        return Ok(());
    }
    Err(format!("call {call} has the value of call {}, or a torn one", answer.call))
}

/// Whether the victim has not been killed yet.
pub(crate) fn victim_lives() -> bool {
    lives(notes().victim.load(SeqCst))
}

/// False for a process that has ended, also if nobody has waited for it.
pub(crate) fn lives(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !['Z', 'X'].contains(&state))
}
