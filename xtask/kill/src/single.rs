//! One victim, killed at each of its stops.

use std::time::Duration;

use crate::company::{self, Company};
use crate::outcome::{self, Failure, Outcome};
use crate::plan::{LONGEST, Plan};
use crate::scenario::{After, Arrival, Scenario, Verdict};
use crate::trace::{Goal, Trace};
use crate::tracee::{Stop, Tracee};

/// Where a victim came to stand.
#[derive(Debug, Default)]
pub(crate) struct Stand {
    /// Instructions done, and sleeps met.
    pub(crate) stops: usize,
    /// It has come to the end of its operation.
    pub(crate) finished: bool,
    /// It sleeps, and nobody is left to wake it.
    pub(crate) stranded: bool,
    pub(crate) asleep: bool,
    /// The stops at which it slept on its way.
    pub(crate) sleeps: Vec<usize>,
    pub(crate) address: Option<usize>,
    /// The stops on the way, if they are to be kept.
    trace: Option<Trace>,
    /// It came to its end without the goal.
    missed: bool,
}

pub(crate) fn sweep<S>(scenario: &Scenario<S>, plan: &Plan) -> Outcome {
    let mut outcome = Outcome::start();
    let whole = measure(scenario, plan);
    outcome.length = whole.stops;
    let trace = whole.trace.unwrap_or_default();
    let telling: Vec<usize> = (0..=whole.stops).filter(|stops| trace.is_telling(*stops)).collect();
    for stops in plan.points(&telling, &whole.sleeps) {
        let mut stand = Stand::default();
        let result = plan.promptly(|| {
            stand = Stand::default();
            let took = kill(scenario, plan, &trace.goal(stops), &mut stand)?;
            if !stand.missed {
                return Ok(took);
            }
            stand = Stand::default();
            kill(scenario, plan, &Goal::in_steps(stops), &mut stand)
        });
        outcome.kills += 1;
        outcome.asleep += usize::from(stand.asleep);
        match result {
            Ok(took) => outcome.worst = outcome.worst.max(took),
            Err(what) => outcome.fails(Failure::new(&[stand.stops], stand.address, what)),
        }
        if outcome.failures > 0 && plan.stops_early() {
            break;
        }
    }
    outcome.end()
}

/// Takes the victim to the end of its operation. How long that is may differ a little from run to
/// run, for instance if the operation spins, so that the longest of some counts.
fn measure<S>(scenario: &Scenario<S>, plan: &Plan) -> Stand {
    let one = |_| {
        let mut stand = Stand { trace: Some(Trace::default()), ..Stand::default() };
        // What fails here fails again at the last kill point, where it is reported.
        let _ = kill(scenario, plan, &Goal::in_steps(LONGEST), &mut stand);
        stand
    };
    (0..plan.measurements()).map(one).max_by_key(|stand| stand.stops).unwrap_or_default()
}

/// Brings everybody in, kills the victim at its stop, and asks the survivors.
fn kill<S>(
    scenario: &Scenario<S>,
    plan: &Plan,
    goal: &Goal,
    stand: &mut Stand,
) -> Result<Duration, String> {
    let stage = (scenario.stage)();
    let mut company = Company::new(&scenario.guests, &stage);
    company.arrive(Arrival::BeforeTheVictim, plan.deadline())?;
    let mut victim = Tracee::start(|| (scenario.victim)(&stage), plan.patience())?;
    company.arrive(Arrival::BeforeTheOperation, plan.deadline())?;
    go_to(&mut victim, goal, &mut company, plan, stand)?;
    company.arrive(Arrival::AtTheStop, plan.deadline())?;
    victim.kill();
    company.arrive(Arrival::AfterTheKill, plan.deadline())?;
    let others = company.disperse(plan.deadline())?;
    let after = After { finished: stand.finished, deaths: 1 };
    let check = company::ask(scenario, &stage, &after, plan.deadline())?;
    Ok(others.max(check))
}

/// Brings the victim to where it is to be killed: at a run, if the place is known and rarely come by.
fn go_to<S>(
    victim: &mut Tracee,
    goal: &Goal,
    company: &mut Company<'_, S>,
    plan: &Plan,
    stand: &mut Stand,
) -> Verdict {
    let runs = goal.is_quicker_at_a_run() && goal.address.is_none_or(|at| victim.watch_for(at));
    if !runs {
        return walk(victim, goal.stops, company, plan, stand);
    }
    stand.stops = goal.stops;
    let result = rush(victim, goal, company, plan, stand);
    stand.asleep = victim.is_asleep();
    stand.address = victim.address();
    result
}

fn rush<S>(
    victim: &mut Tracee,
    goal: &Goal,
    company: &mut Company<'_, S>,
    plan: &Plan,
    stand: &mut Stand,
) -> Verdict {
    let mut left = goal.before;
    loop {
        if victim.is_asleep() && !company.cue_next() {
            stand.stranded = true;
            return Ok(());
        }
        let is_goal = match victim.run_on(plan.patience()) {
            Stop::Stepped => true,
            Stop::Asleep => {
                company.arrive(Arrival::BehindTheVictim, plan.deadline())?;
                goal.address.is_none()
            }
            Stop::Mark => {
                (stand.finished, stand.missed) = (true, true);
                return Ok(());
            }
            Stop::Gone(exit) => return Err(format!("the victim ended by itself: {exit:?}")),
            Stop::Late => return Err(outcome::hang("the victim was not woken")),
        };
        if is_goal && left == 0 {
            return Ok(());
        }
        left -= usize::from(is_goal);
    }
}

/// Lets the victim go on for so many stops; the company wakes it where it sleeps.
pub(crate) fn walk<S>(
    victim: &mut Tracee,
    stops: usize,
    company: &mut Company<'_, S>,
    plan: &Plan,
    stand: &mut Stand,
) -> Verdict {
    let result = advance(victim, stops, company, plan, stand);
    stand.asleep = victim.is_asleep();
    stand.address = victim.address();
    result
}

fn advance<S>(
    victim: &mut Tracee,
    stops: usize,
    company: &mut Company<'_, S>,
    plan: &Plan,
    stand: &mut Stand,
) -> Verdict {
    while stand.stops < stops {
        if let Some(trace) = &mut stand.trace {
            trace.note(victim.address(), victim.is_asleep());
        }
        if victim.is_asleep() && !company.cue_next() {
            stand.stranded = true;
            return Ok(());
        }
        match victim.step(plan.patience()) {
            Stop::Stepped => stand.stops += 1,
            Stop::Asleep => {
                stand.stops += 1;
                stand.sleeps.push(stand.stops);
                company.arrive(Arrival::BehindTheVictim, plan.deadline())?;
            }
            Stop::Mark => {
                stand.finished = true;
                return Ok(());
            }
            Stop::Gone(exit) => return Err(format!("the victim ended by itself: {exit:?}")),
            Stop::Late => return Err(outcome::hang("the victim was not woken")),
        }
    }
    if stops >= LONGEST { Err("the operation does not end".to_owned()) } else { Ok(()) }
}
