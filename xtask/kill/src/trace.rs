//! Where an operation has stopped on its way, so that the way to a stop need not be gone in steps.
//!
//! A victim that is to die after its n-th instruction is let run, and stops whenever it comes by
//! the place where it stood then, as often as it had come by before. If it does not come by so
//! often, since its way is not quite the same each time, it is brought there in steps after all.

use std::collections::HashMap;

/// How many rounds of a loop are visited at its beginning, and at its end.
const ROUNDS: usize = 8;

/// The stops of one run, each with how often the like of it came before.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    stops: Vec<Option<(Place, usize)>>,
    met: HashMap<Place, usize>,
}

/// About to do the instruction there, or asleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    At(usize),
    Asleep,
}

/// A stop, and how to get there.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) stops: usize,
    /// None for a stop asleep.
    pub(crate) address: Option<usize>,
    /// How often the victim comes by before.
    pub(crate) before: usize,
    is_known: bool,
}

impl Trace {
    pub(crate) fn note(&mut self, address: Option<usize>, asleep: bool) {
        let place = if asleep { Some(Place::Asleep) } else { address.map(Place::At) };
        let stop = place.map(|place| {
            let met = self.met.entry(place).or_default();
            *met += 1;
            (place, *met - 1)
        });
        self.stops.push(stop);
    }

    /// False in the middle of a loop: a place is worth a kill the first times that the operation
    /// comes by and the last, not each time that it spins or fills an array.
    pub(crate) fn is_telling(&self, stops: usize) -> bool {
        let Some((place, before)) = self.stops.get(stops).copied().flatten() else { return true };
        let all = self.met.get(&place).copied().unwrap_or_default();
        before < ROUNDS || before + ROUNDS >= all
    }

    pub(crate) fn goal(&self, stops: usize) -> Goal {
        match self.stops.get(stops).copied().flatten() {
            Some((Place::At(address), before)) => {
                Goal { stops, address: Some(address), before, is_known: true }
            }
            Some((Place::Asleep, before)) => Goal { stops, address: None, before, is_known: true },
            None => Goal::in_steps(stops),
        }
    }
}

impl Goal {
    pub(crate) fn in_steps(stops: usize) -> Self {
        Self { stops, address: None, before: 0, is_known: false }
    }

    /// A stop on the way costs as much as a step.
    pub(crate) fn is_quicker_at_a_run(&self) -> bool {
        self.is_known && self.before < self.stops
    }
}

#[cfg(test)]
mod tests {
    use super::Trace;

    #[test]
    fn a_place_is_known_by_how_often_it_was_met() {
        let mut trace = Trace::default();
        for address in [8, 9, 8, 8] {
            trace.note(Some(address), false);
        }
        let goal = trace.goal(3);
        assert_eq!((goal.address, goal.before), (Some(8), 2));
        assert!(!trace.goal(4).is_quicker_at_a_run());
    }

    #[test]
    fn a_loop_is_visited_at_both_ends() {
        let mut trace = Trace::default();
        (0..20).for_each(|_| trace.note(Some(8), false));
        let visited = (0..=20).filter(|stops| trace.is_telling(*stops));
        assert!(visited.eq((0..8).chain(12..=20)));
    }
}
