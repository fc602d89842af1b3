//! Items one way: how many pass in a second.
//!
//! A round is many short laps, and its number that of the lap in the middle, of those in which
//! neither side was interrupted.

use std::iter;
use std::ops::Deref;

use crate::contender::{Round, Setting};
use crate::line::Outcome;
use crate::queue::track::Track;
use crate::stats::Summary;

/// A round in which `put` is told how many items to put, numbered from 1; each counts `worth`, and
/// the other side gives the sum of the numbers that it got. The result is in millions a second.
pub(crate) fn round(
    track: impl Deref<Target = Track> + 'static,
    setting: Setting,
    worth: u64,
    mut put: impl FnMut(u64) + 'static,
) -> Round {
    let mut lap = move |items| pass(&track, items, 1, &mut put);
    // Shorter than what the scheduler gives to one, where others want the processor too.
    let items = enough(0.002, &mut lap);
    Box::new(move || {
        let (wanted, most) = if setting.quick { (3, 12) } else { (30, 100) };
        let laps = until_good(wanted, iter::repeat_with(|| lap(items)).take(most));
        (items * worth) as f64 / 1e6 / Summary::of(laps).median
    })
}

/// The same where two put and two get, who interrupt each other on two cores: in one long lap.
pub(crate) fn two_by_two(
    track: impl Deref<Target = Track> + 'static,
    setting: Setting,
    mut put: impl FnMut(u64) + 'static,
) -> Round {
    let mut lap = move |items| pass(&track, items, 2, &mut put);
    let items = enough(if setting.quick { 0.005 } else { 0.1 }, &mut lap);
    Box::new(move || (2 * items) as f64 / 1e6 / lap(items).seconds)
}

/// What puts `items` items by putting each.
pub(crate) fn each(mut put: impl FnMut(u64)) -> impl FnMut(u64) {
    move |items| (1..=items).for_each(&mut put)
}

/// What gets `items` items and adds up their numbers, by getting each.
pub(crate) fn sum(mut get: impl FnMut() -> u64) -> impl FnMut(u64) -> u64 {
    move |items| (0..items).map(|_| get()).sum()
}

/// The seconds of as many laps as are `wanted` of those without interruption. Where the machine is
/// so busy that there is none, of all.
fn until_good(wanted: usize, laps: impl Iterator<Item = Outcome>) -> Vec<f64> {
    let (mut good, mut others) = (Vec::new(), Vec::new());
    for lap in laps {
        let kind = if lap.uninterrupted { &mut good } else { &mut others };
        kind.push(lap.seconds);
        if good.len() == wanted {
            break;
        }
    }
    if good.is_empty() { others } else { good }
}

/// One lap, and whether all came that `sides` sides have put.
fn pass(track: &Track, items: u64, sides: u64, put: impl FnOnce(u64)) -> Outcome {
    let (sum, outcome) = track.lead(items, || put(items));
    assert_eq!(sum, sides * items * (items + 1) / 2, "each item has come once");
    outcome
}

/// How many items take about `seconds`, whether a hundred pass in a second or a hundred million.
fn enough(seconds: f64, mut lap: impl FnMut(u64) -> Outcome) -> u64 {
    let mut items = 8;
    loop {
        // The best of a few, since a disturbed lap seems long.
        let best = (0..3).map(|_| lap(items).seconds).fold(f64::INFINITY, f64::min);
        if best >= seconds / 2.0 {
            return (items as f64 * seconds / best).ceil() as u64;
        }
        items *= 2;
    }
}
