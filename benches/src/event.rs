//! `event`: one process wakes another and is woken by it, there and back.

use std::process::Command;

use multiproc::{Event, Shareable, Shared};

use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::futex::{Flag, SPINS};
use crate::{clock, cores, other, python};

pub(crate) const FAMILY: Family = &[
    ("bare futex", Contender::Here(|setting| bare(0, setting))),
    ("bare futex, short spin", Contender::Here(|setting| bare(SPINS, setting))),
    ("multiproc Event", Contender::Here(ours)),
    ("python Event", Contender::Program(python_event)),
];

/// How many times a round goes there and back.
pub(crate) fn count(setting: Setting) -> u32 {
    if setting.quick { 500 } else { 5_000 }
}

/// A flag for each way.
#[derive(Debug, Default, Shareable)]
#[repr(C)]
struct Flags {
    there: Flag,
    back: Flag,
}

/// Also the baseline of `barrier`.
pub(crate) fn bare(spins: u32, setting: Setting) -> Result<Round, Missing> {
    let flags = Shared::new(Flags::default()).map_err(|e| format!("no shared memory: {e}"))?;
    other::start(answer_flag, (flags.clone(), spins))?;
    Ok(bare_with(flags, spins, setting))
}

/// As [`bare`], with each side on a core of its own.
pub(crate) fn bare_apart(spins: u32, setting: Setting) -> Result<Round, Missing> {
    let flags = Shared::new(Flags::default()).map_err(|e| format!("no shared memory: {e}"))?;
    cores::apart(|| other::start(answer_flag, (flags.clone(), spins)))?;
    Ok(bare_with(flags, spins, setting))
}

fn bare_with(flags: Shared<Flags>, spins: u32, setting: Setting) -> Round {
    Box::new(move || {
        clock::micros_each(count(setting), || {
            flags.there.raise();
            flags.back.take(spins);
        })
    })
}

fn answer_flag(flags: Shared<Flags>, spins: u32) {
    loop {
        flags.there.take(spins);
        flags.back.raise();
    }
}

fn ours(setting: Setting) -> Result<Round, Missing> {
    let event = || Event::new().map_err(|e| format!("no shared memory: {e}"));
    let (there, back) = (event()?, event()?);
    other::start(answer_event, (there.clone(), back.clone()))?;
    Ok(Box::new(move || {
        clock::micros_each(count(setting), || {
            there.set();
            back.wait();
            back.clear();
        })
    }))
}

fn answer_event(there: Event, back: Event) {
    loop {
        there.wait();
        there.clear();
        back.set();
    }
}

fn python_event(setting: Setting) -> Result<Command, Missing> {
    python::command("event.py", [if setting.quick { "50" } else { "500" }])
}
