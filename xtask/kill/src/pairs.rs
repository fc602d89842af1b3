//! Two processes interleaved: one stopped at each of its instructions, the other at each of its
//! own; then the first goes on, or is killed, and the second goes on.

use std::time::{Duration, Instant};

use crate::company::{self, Company};
use crate::outcome::{self, Failure, Outcome};
use crate::plan::{LONGEST, Plan};
use crate::scenario::{After, Scenario};
use crate::single::{Stand, walk};
use crate::tracee::Tracee;

/// How long one of the two is looked at before the other.
const TURN: Duration = Duration::from_millis(1);

/// What becomes of the first when both are stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoesOn,
    Killed,
}

pub(crate) fn sweep<S>(scenario: &Scenario<S>, rival: fn(&S), plan: &Plan) -> Outcome {
    let mut outcome = Outcome::start();
    let alone = |act| alone(scenario, act, plan);
    let (length, other) = (alone(scenario.victim), alone(rival));
    outcome.length = length;
    for first in plan.side_of_grid(length) {
        for second in plan.side_of_grid(other) {
            for fate in [Fate::GoesOn, Fate::Killed] {
                let stops = [first, second];
                let mut stand = Stand::default();
                outcome.kills += 1;
                let result = plan.promptly(|| {
                    stand = Stand::default();
                    meet(scenario, rival, plan, stops, fate, &mut stand)
                });
                match result {
                    Ok(took) => outcome.worst = outcome.worst.max(took),
                    Err(what) => {
                        let what = format!("({fate:?}) {what}");
                        outcome.fails(Failure::new(&stops, stand.address, what));
                    }
                }
                outcome.asleep += usize::from(stand.asleep);
            }
        }
        if outcome.failures > 0 && plan.stops_early() {
            break;
        }
    }
    outcome.end()
}

/// The number of stops of an operation that nobody disturbs.
fn alone<S>(scenario: &Scenario<S>, act: fn(&S), plan: &Plan) -> usize {
    let stage = (scenario.stage)();
    let mut stand = Stand::default();
    if let Ok(mut victim) = Tracee::start(|| act(&stage), plan.patience()) {
        // An operation that fails alone fails in company too, where it is reported.
        let _ = walk(&mut victim, LONGEST, &mut Company::new(&[], &stage), plan, &mut stand);
    }
    stand.stops
}

fn meet<S>(
    scenario: &Scenario<S>,
    rival: fn(&S),
    plan: &Plan,
    stops: [usize; 2],
    fate: Fate,
    stand: &mut Stand,
) -> Result<Duration, String> {
    let stage = (scenario.stage)();
    let mut nobody = Company::new(&[], &stage);
    let mut first = Tracee::start(|| (scenario.victim)(&stage), plan.patience())?;
    let mut second = Tracee::start(|| rival(&stage), plan.patience())?;
    let mut other = Stand::default();
    walk(&mut first, stops[0], &mut nobody, plan, stand)?;
    walk(&mut second, stops[1], &mut nobody, plan, &mut other)?;
    stand.asleep = other.asleep;
    let after = match fate {
        Fate::Killed => {
            first.kill();
            After { finished: stand.finished, deaths: 1 }
        }
        Fate::GoesOn => {
            first.run();
            After { finished: true, deaths: 0 }
        }
    };
    second.run();
    let others = go_on(&mut [first, second], plan)?;
    let check = company::ask(scenario, &stage, &after, plan.deadline())?;
    Ok(others.max(check))
}

/// Lets all run to their ends, looking at each in turn, since each may need what another holds;
/// tells how long it took.
fn go_on(tracees: &mut [Tracee], plan: &Plan) -> Result<Duration, String> {
    let start = Instant::now();
    let until = plan.deadline();
    loop {
        let mut all = true;
        for tracee in &mut *tracees {
            all &= tracee.run_out(TURN)?;
        }
        if all {
            return Ok(start.elapsed());
        }
        if Instant::now() >= until {
            return Err(outcome::hang("one of the two"));
        }
    }
}
