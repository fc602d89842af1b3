//! Runs scenarios one after the other and prints a line for each, and what the total means.

use std::time::{Duration, Instant};

use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::scenario::Case;

/// Prints each scenario's verdict; an error if one is not as it must be.
pub(crate) fn run(cases: &[Box<dyn Case>], plan: &Plan) -> Result<(), String> {
    let start = Instant::now();
    let heads = ["scenario", "stops", "kills", "asleep", "worst", "time"];
    println!(
        "{:<34} {:>6} {:>7} {:>7} {:>9} {:>8}  verdict",
        heads[0], heads[1], heads[2], heads[3], heads[4], heads[5]
    );
    let (mut kills, mut wrong) = (0, Vec::new());
    for case in cases {
        let outcome = case.run(plan);
        kills += outcome.kills;
        print(case.as_ref(), &outcome);
        if (outcome.failures > 0) != case.is_control() {
            wrong.push(case.name());
        }
    }
    let took = start.elapsed().as_secs_f64();
    println!("{} scenarios, {kills} kills in {took:.1} s", cases.len());
    if wrong.is_empty() { Ok(()) } else { Err(format!("not as it must be: {}", wrong.join(", "))) }
}

fn print(case: &dyn Case, outcome: &Outcome) {
    println!(
        "{:<34} {:>6} {:>7} {:>7} {:>6.1} ms {:>6.1} s  {}",
        case.name(),
        outcome.length,
        outcome.kills,
        outcome.asleep,
        milliseconds(outcome.worst),
        outcome.took.as_secs_f64(),
        verdict(case.is_control(), outcome)
    );
}

fn verdict(control: bool, outcome: &Outcome) -> String {
    let (bad, all) = (outcome.failures, outcome.kills);
    match (&outcome.first, control) {
        (None, false) => "sound".to_owned(),
        (None, true) => "NOT CAUGHT".to_owned(),
        (Some(first), true) => format!("caught at {bad} of {all}; first {first}"),
        (Some(first), false) => format!("BROKEN at {bad} of {all}; first {first}"),
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
