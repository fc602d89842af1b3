//! The guests of one run: brought in when their time comes, given their cues, seen off.

use std::time::{Duration, Instant};

use crate::child::{Child, Exit};
use crate::outcome;
use crate::scenario::{After, Arrival, Guest, Scenario, Verdict};

#[derive(Debug)]
pub(crate) struct Company<'a, S> {
    guests: &'a [Guest<S>],
    stage: &'a S,
    present: Vec<(Arrival, Child)>,
}

impl<'a, S> Company<'a, S> {
    pub(crate) fn new(guests: &'a [Guest<S>], stage: &'a S) -> Self {
        Self { guests, stage, present: Vec::new() }
    }

    /// Brings in those that come now, one by one, each until it sleeps, holds or has ended.
    pub(crate) fn arrive(&mut self, now: Arrival, until: Instant) -> Verdict {
        for guest in self.guests.iter().filter(|guest| guest.arrival == now) {
            let (act, stage) = (guest.act, self.stage);
            let mut child = Child::start(|| {
                act(stage);
                Ok(())
            });
            let settled = now == Arrival::AfterTheKill || child.settles(until);
            self.present.push((now, child));
            if !settled {
                return Err(outcome::hang(&format!("a guest that came {now:?} does not settle")));
            }
        }
        Ok(())
    }

    /// Gives the next cue; false if nobody waits for one.
    pub(crate) fn cue_next(&mut self) -> bool {
        let waits = |child: &&Child| child.slot().is_holding() && !child.slot().is_cued();
        let next = self.present.iter().map(|(_, child)| child).find(waits);
        next.inspect(|child| child.slot().cue()).is_some()
    }

    /// Waits until all have ended and tells how long it took.
    pub(crate) fn disperse(&mut self, until: Instant) -> Result<Duration, String> {
        let start = Instant::now();
        self.present.iter().for_each(|(_, child)| child.slot().cue());
        for (arrival, child) in &mut self.present {
            match child.ends(until) {
                Some(Exit::Done) => {}
                Some(exit) => return Err(format!("a guest that came {arrival:?}: {exit:?}")),
                None => {
                    return Err(outcome::hang(&format!("a guest that came {arrival:?} is stuck")));
                }
            }
        }
        Ok(start.elapsed())
    }
}

/// Runs the check in a process of its own and tells how long it took.
pub(crate) fn ask<S>(
    scenario: &Scenario<S>,
    stage: &S,
    after: &After,
    until: Instant,
) -> Result<Duration, String> {
    let start = Instant::now();
    let mut child = Child::start(|| (scenario.check)(stage, after));
    match child.ends(until) {
        Some(Exit::Done) => Ok(start.elapsed()),
        Some(Exit::Failed(what)) => Err(what),
        Some(Exit::Signal(signal)) => Err(format!("signal {signal} in the check")),
        None => Err(outcome::hang("the check")),
    }
}
