//! The harness's own scenarios: operations of known length and known fate, for its tests.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Release};

use rustix::thread::futex::{self, Flags};

use crate::marks::{hold, marked};
use crate::scenario::{After, Case, Scenario, Verdict};
use crate::shared::{Shared, Zeroed};

#[derive(Debug)]
#[repr(C)]
struct Words {
    gate: AtomicU32,
    count: AtomicU32,
}

// SAFETY: both fields are atomics, for which zero is a value.
#[allow(unsafe_code, reason = "a stage lies in shared memory")]
unsafe impl Zeroed for Words {}

type Stage = Shared<Words>;

pub(crate) fn cases() -> Vec<Box<dyn Case>> {
    vec![
        Box::new(Scenario::new("harness/two-adds", Stage::new, add_twice, counted)),
        Box::new(Scenario::new("harness/sleep", Stage::new, pass_gate, nothing).holder(open_gate)),
        Box::new(Scenario::new("harness/stranded", Stage::new, pass_gate, nothing)),
        Box::new(Scenario::new("harness/hang", Stage::new, add_twice, hangs_if_odd).control()),
        Box::new(Scenario::new("harness/panic", Stage::new, add_twice, panics_if_odd).control()),
        Box::new(
            Scenario::new("harness/stuck-guest", Stage::new, pass_gate, nothing)
                .sleeper(pass_gate)
                .control(),
        ),
        Box::new(Scenario::new("harness/double", Stage::new, add_twice, few).recovery(add_twice)),
        Box::new(Scenario::new("harness/pairs", Stage::new, add_twice, few).rival(add_twice)),
    ]
}

/// Not in the table, since it is not as it must be: a control that nothing can catch.
pub(super) fn harmless() -> Box<dyn Case> {
    Box::new(Scenario::new("harness/harmless", Stage::new, add_twice, nothing).control())
}

fn add_twice(stage: &Stage) {
    marked(|| {
        add(&stage.count);
        add(&stage.count);
    });
}

/// One instruction and few around it in every build, so that the tests are quick in each.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "an instruction by its name")]
fn add(word: &AtomicU32) {
    // SAFETY: adds to a live word, atomically, as all who use it do.
    unsafe { std::arch::asm!("lock add dword ptr [{}], 1", in(reg) word.as_ptr()) }
}

#[cfg(not(target_arch = "x86_64"))]
fn add(word: &AtomicU32) {
    word.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
}

/// Sleeps until the gate is open.
fn pass_gate(stage: &Stage) {
    marked(|| {
        while stage.gate.load(Acquire) == 0 {
            // Any error means: look again.
            let _ = futex::wait(&stage.gate, Flags::empty(), 0, None);
        }
    });
}

fn open_gate(stage: &Stage) {
    hold();
    stage.gate.store(1, Release);
    // Waking cannot fail for an aligned word of this process.
    let _ = futex::wake(&stage.gate, Flags::empty(), u32::MAX);
}

fn nothing(_: &Stage, _: &After) -> Verdict {
    Ok(())
}

fn counted(stage: &Stage, after: &After) -> Verdict {
    match (stage.count.load(Acquire), after.finished) {
        (2, _) | (0 | 1, false) => Ok(()),
        (count, finished) => Err(format!("{count} adds, finished: {finished}")),
    }
}

/// The image of the first death was put back before each second one, or the count would grow.
fn few(stage: &Stage, after: &After) -> Verdict {
    let least = if after.deaths == 0 { 4 } else { 0 };
    match stage.count.load(Acquire) {
        count if (least..=4).contains(&count) => Ok(()),
        count => Err(format!("{count} adds by two processes, of which {} died", after.deaths)),
    }
}

fn hangs_if_odd(stage: &Stage, _: &After) -> Verdict {
    while stage.count.load(Acquire) == 1 {
        std::thread::yield_now();
    }
    Ok(())
}

fn panics_if_odd(stage: &Stage, _: &After) -> Verdict {
    assert_ne!(stage.count.load(Acquire), 1, "the count is odd");
    Ok(())
}
