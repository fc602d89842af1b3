//! The runner: contenders take turns, so that what disturbs the machine disturbs all of them.

use crate::Result;
use crate::contender::{Missing, Setting};
use crate::peer::Peer;
use crate::stats::Summary;
use crate::workload::Workload;

/// What came of one contender.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) contender: String,
    pub(crate) summary: std::result::Result<Summary, Missing>,
}

/// Measures every contender of `workload`: one round to warm up, then round by round in turn.
pub(crate) fn run(workload: &Workload, setting: Setting) -> Result<Vec<Outcome>> {
    let rounds = if setting.quick { workload.quick_rounds } else { workload.rounds };
    eprintln!("{}: {rounds} rounds of {} contenders", workload.name, workload.contenders.len());
    let mut peers = Vec::new();
    for name in &workload.contenders {
        peers.push(Peer::start(&workload.name, name, setting)?);
    }
    take_turns(&mut peers)?;
    let mut numbers = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for (numbers, number) in numbers.iter_mut().zip(take_turns(&mut peers)?) {
            numbers.extend(number);
        }
    }
    let outcomes = workload.contenders.iter().zip(peers).zip(numbers);
    Ok(outcomes.map(|((name, peer), numbers)| outcome(name, peer.map(drop), numbers)).collect())
}

/// One round of each contender that is there.
fn take_turns(peers: &mut [std::result::Result<Peer, Missing>]) -> Result<Vec<Option<f64>>> {
    peers.iter_mut().map(|peer| peer.as_mut().ok().map(Peer::round).transpose()).collect()
}

fn outcome(name: &str, there: std::result::Result<(), Missing>, numbers: Vec<f64>) -> Outcome {
    Outcome { contender: name.to_owned(), summary: there.map(|()| Summary::of(numbers)) }
}
