//! `barrier`: two processes meet twice, so that each of them waits for the other once. That is
//! what a futex does there and back.

use std::process::Command;

use multiproc::{Barrier, Shared};

use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::event::{bare, bare_apart, count};
use crate::futex::SPINS;
use crate::posix::PthreadBarrier;
use crate::{clock, cores, other, python};

pub(crate) const FAMILY: Family = &[
    ("bare futex", Contender::Here(|setting| bare(0, setting))),
    ("bare futex, short spin", Contender::Here(|setting| bare(SPINS, setting))),
    ("bare futex, a core each", Contender::Here(|setting| bare_apart(0, setting))),
    ("multiproc Barrier", Contender::Here(ours)),
    ("multiproc Barrier, a core each", Contender::Here(ours_apart)),
    ("multiproc Barrier, entered", Contender::Here(entered)),
    ("pthread barrier", Contender::Here(pthread)),
    ("python Barrier", Contender::Program(python_barrier)),
];

fn ours(setting: Setting) -> Result<Round, Missing> {
    let barrier = Barrier::new(2).map_err(|e| format!("no shared memory: {e}"))?;
    other::start(meet, (barrier.clone(),))?;
    Ok(ours_with(barrier, setting))
}

fn ours_apart(setting: Setting) -> Result<Round, Missing> {
    let barrier = Barrier::new(2).map_err(|e| format!("no shared memory: {e}"))?;
    cores::apart(|| other::start(meet, (barrier.clone(),)))?;
    Ok(ours_with(barrier, setting))
}

fn ours_with(barrier: Barrier, setting: Setting) -> Round {
    twice(setting, move || {
        barrier.wait().expect("the other process lives");
    })
}

/// Until the barrier breaks, because the other process has ended.
fn meet(barrier: Barrier) {
    while barrier.wait().is_ok() {}
}

/// Both are parties that the barrier knows.
fn entered(setting: Setting) -> Result<Round, Missing> {
    let barrier = Barrier::new(2).map_err(|e| format!("no shared memory: {e}"))?;
    other::start(enter_and_meet, (barrier.clone(),))?;
    // A party borrows its barrier, which therefore stays until the end of the process.
    let party = Box::leak(Box::new(barrier)).enter().map_err(|e| e.to_string())?;
    Ok(twice(setting, move || {
        party.wait().expect("the other process lives");
    }))
}

fn enter_and_meet(barrier: Barrier) {
    let party = barrier.enter().expect("there is a place");
    while party.wait().is_ok() {}
}

fn pthread(setting: Setting) -> Result<Round, Missing> {
    let barrier = Shared::new(PthreadBarrier::new()).map_err(|e| format!("no memory: {e}"))?;
    barrier.prepare();
    other::start(meet_by_pthread, (barrier.clone(),))?;
    Ok(twice(setting, move || barrier.wait()))
}

fn meet_by_pthread(barrier: Shared<PthreadBarrier>) {
    loop {
        barrier.wait();
    }
}

fn twice(setting: Setting, mut meet: impl FnMut() + 'static) -> Round {
    Box::new(move || {
        clock::micros_each(count(setting), || {
            meet();
            meet();
        })
    })
}

fn python_barrier(setting: Setting) -> Result<Command, Missing> {
    python::command("barrier.py", [if setting.quick { "20" } else { "200" }])
}
