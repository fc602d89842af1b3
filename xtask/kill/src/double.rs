//! Two deaths in a row: a victim at each of its stops, then one that recovers, at each of its own.

use std::time::Duration;

use crate::company::{self, Company};
use crate::image::Image;
use crate::outcome::{Failure, Outcome};
use crate::plan::{LONGEST, Plan};
use crate::scenario::{After, Arrival, Scenario};
use crate::single::{Stand, walk};
use crate::tracee::Tracee;

pub(crate) fn sweep<S>(scenario: &Scenario<S>, recovery: fn(&S), plan: &Plan) -> Outcome {
    let mut outcome = Outcome::start();
    let first = Deaths { scenario, recovery, plan };
    outcome.length = first.length();
    for stops in plan.first_of_two(outcome.length) {
        first.all_after(stops, &mut outcome);
        if outcome.failures > 0 && plan.stops_early() {
            break;
        }
    }
    outcome.end()
}

#[derive(Debug)]
struct Deaths<'a, S> {
    scenario: &'a Scenario<S>,
    recovery: fn(&S),
    plan: &'a Plan,
}

impl<S> Deaths<'_, S> {
    fn length(&self) -> usize {
        let stage = (self.scenario.stage)();
        let mut stand = Stand::default();
        // What fails here fails again where it is reported.
        let _ = self.first(&stage, LONGEST, &mut stand);
        stand.stops
    }

    /// Kills the first victim at its stop, and the second at each of its own after that.
    fn all_after(&self, stops: usize, outcome: &mut Outcome) {
        let stage = (self.scenario.stage)();
        let mut first = Stand::default();
        if let Err(what) = self.first(&stage, stops, &mut first) {
            return outcome.fails(Failure::new(&[first.stops], first.address, what));
        }
        // The kernel's marks of the death are part of the image.
        let left = Image::take();
        let mut whole = Stand::default();
        let _ = self.second(&stage, first.finished, LONGEST, &mut whole);
        for stops in self.plan.first_of_two(whole.stops) {
            let mut second = Stand::default();
            outcome.kills += 1;
            let result = self.plan.promptly(|| {
                left.restore();
                second = Stand::default();
                self.second(&stage, first.finished, stops, &mut second)
            });
            match result {
                Ok(took) => outcome.worst = outcome.worst.max(took),
                Err(what) => {
                    let stops = [first.stops, second.stops];
                    outcome.fails(Failure::new(&stops, second.address, what));
                }
            }
            outcome.asleep += usize::from(second.asleep);
            if outcome.failures > 0 && self.plan.stops_early() {
                return;
            }
        }
    }

    fn first(&self, stage: &S, stops: usize, stand: &mut Stand) -> Result<(), String> {
        let mut nobody = Company::new(&[], stage);
        let mut victim = Tracee::start(|| (self.scenario.victim)(stage), self.plan.patience())?;
        walk(&mut victim, stops, &mut nobody, self.plan, stand)
    }

    fn second(
        &self,
        stage: &S,
        finished: bool,
        stops: usize,
        stand: &mut Stand,
    ) -> Result<Duration, String> {
        let mut mourners = Company::new(&self.scenario.guests, stage);
        mourners.arrive(Arrival::AfterTheKill, self.plan.deadline())?;
        mourners.disperse(self.plan.deadline())?;
        let mut victim = Tracee::start(|| (self.recovery)(stage), self.plan.patience())?;
        walk(&mut victim, stops, &mut mourners, self.plan, stand)?;
        victim.kill();
        let mut mourners = Company::new(&self.scenario.guests, stage);
        mourners.arrive(Arrival::AfterTheKill, self.plan.deadline())?;
        let others = mourners.disperse(self.plan.deadline())?;
        let after = After { finished, deaths: 2 };
        let check = company::ask(self.scenario, stage, &after, self.plan.deadline())?;
        Ok(others.max(check))
    }
}
