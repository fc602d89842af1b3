//! Kills the workers of pools at random, and accounts for every call.
//!
//! In rounds of some seconds, each with a pool of its own: threads have it make calls in all the ways
//! there are, and every call notes in shared memory that it began and that it ended, and in which
//! process; somebody kills one worker after the other, and now and then changes how many there are.
//! Every call must come to what it may come to, and may have begun so often as it may:
//!
//! | outcome | begun | only if |
//! |---|---|---|
//! | a value, the right one | once, and ended | |
//! | its worker died | at most once | that one was killed, and no other call has died with it |
//! | a panic | once, and not ended | it was to panic |
//! | timed out, cancelled, terminated | at most once | that was asked for |
//! | none, as nobody waits for it | at most once | |
//!
//! With retries it may have begun so often more.

mod account;
mod deed;
mod killer;
mod load;
mod round;
mod verdict;

use ::pool::{Executor, Pool};
use procspawn_core::StartMethod;

use crate::Rounds;
use crate::dice::Dice;
use crate::pool::verdict::Sum;

pub(crate) use deed::hush_panics_by_order;

/// Runs all rounds; tells what they came to.
pub(crate) fn run(dice: &mut Dice, rounds: &mut Rounds) -> Result<String, String> {
    start_the_server()?;
    let mut sum = Sum::default();
    while let Some((number, left)) = rounds.next()? {
        let round = round::run(number, left, dice);
        sum.add(&round.map_err(|error| format!("round {number}: {error}"))?);
    }
    Ok(sum.to_string())
}

/// The process that forks workers stays, so that it must be there before the first round.
fn start_the_server() -> Result<(), String> {
    let pool = Pool::builder().workers(1).start_method(StartMethod::ForkServer).build();
    let pool = pool.map_err(|error| error.to_string())?;
    pool.apply(|| (), ()).map_err(|error| error.to_string())
}
