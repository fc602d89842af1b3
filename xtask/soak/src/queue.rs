//! Kills producers and consumers of a queue at random, and accounts for every item.
//!
//! In rounds of some seconds, each with a queue of its own: workers put and take as quickly as they
//! can, in all the ways there are, and note in shared memory what they have done for sure and what
//! they are in the middle of; a supervisor kills one after the other and starts another in its place.
//! At the end of a round every item must be accounted for.

mod account;
mod item;
mod round;
mod workers;

use crate::Rounds;
use crate::dice::Dice;
use crate::queue::account::Sum;

/// Runs all rounds; tells what they came to.
pub(crate) fn run(dice: &mut Dice, rounds: &mut Rounds) -> Result<String, String> {
    let mut sum = Sum::default();
    while let Some((number, left)) = rounds.next()? {
        sum.add(&round::run(number, left, dice)?);
    }
    Ok(sum.to_string())
}
