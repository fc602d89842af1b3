//! `pool-chunks-…`: the size of chunks that the pool chooses by itself, against sizes that are given.
//!
//! A call does a number of steps that follow from each other, so that it costs the same whoever makes
//! it and however often it is interrupted. What is said of how long it takes is about right.

use std::marker::PhantomData;

use multiproc::Executor;

use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::pool::crew;

/// How many steps take about a microsecond.
const MICROSECOND: u64 = 500;

/// The calls of a job.
pub(crate) trait Job: 'static {
    /// How many there are.
    const CALLS: u64;

    /// How many steps this one takes.
    fn steps(call: u64) -> u64;
}

/// Calls of about 100 nanoseconds.
#[derive(Debug)]
pub(crate) struct Tiny;

/// Calls of about 10 microseconds.
#[derive(Debug)]
pub(crate) struct Short;

/// Calls of about a millisecond.
#[derive(Debug)]
pub(crate) struct Long;

/// Mostly a microsecond, sometimes ten, seldom a millisecond, in no order.
#[derive(Debug)]
pub(crate) struct Skewed;

impl Job for Tiny {
    const CALLS: u64 = 500_000;

    fn steps(_call: u64) -> u64 {
        MICROSECOND / 10
    }
}

impl Job for Short {
    const CALLS: u64 = 20_000;

    fn steps(_call: u64) -> u64 {
        10 * MICROSECOND
    }
}

impl Job for Long {
    const CALLS: u64 = 400;

    fn steps(_call: u64) -> u64 {
        1000 * MICROSECOND
    }
}

impl Job for Skewed {
    const CALLS: u64 = 20_000;

    fn steps(call: u64) -> u64 {
        // A well-mixed number below 100 that always is the same.
        match call.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32 {
            mixed if mixed % 100 == 0 => 1000 * MICROSECOND,
            mixed if mixed % 100 <= 10 => 10 * MICROSECOND,
            _ => MICROSECOND,
        }
    }
}

/// The families, one for each job.
#[derive(Debug)]
pub(crate) struct Chunks<J>(PhantomData<J>);

impl<J: Job> Chunks<J> {
    pub(crate) const FAMILY: Family = &[
        ("automatic", Contender::Here(|setting| round::<J>(None, setting))),
        ("chunks of 1", Contender::Here(|setting| round::<J>(Some(1), setting))),
        ("chunks of 4", Contender::Here(|setting| round::<J>(Some(4), setting))),
        ("chunks of 16", Contender::Here(|setting| round::<J>(Some(16), setting))),
        ("chunks of 64", Contender::Here(|setting| round::<J>(Some(64), setting))),
        ("chunks of 256", Contender::Here(|setting| round::<J>(Some(256), setting))),
        ("chunks of 1024", Contender::Here(|setting| round::<J>(Some(1024), setting))),
        ("chunks of 4096", Contender::Here(|setting| round::<J>(Some(4096), setting))),
    ];
}

fn round<J: Job>(chunk: Option<usize>, setting: Setting) -> Result<Round, Missing> {
    let pool = crew::processes()?;
    let calls = if setting.quick { J::CALLS / 10 } else { J::CALLS };
    let expected = (0..calls).map(|call| work(J::steps(call))).fold(0, u64::wrapping_add);
    Ok(Box::new(move || {
        clock::millis(|| {
            let call = match chunk {
                Some(size) => pool.call(work).chunk_size(size),
                None => pool.call(work),
            };
            let values = call.map((0..calls).map(J::steps)).expect("nothing fails");
            assert_eq!(values.into_iter().fold(0, u64::wrapping_add), expected);
        })
    }))
}

/// So many steps of a generator of random numbers (G. Marsaglia's xorshift), each of which needs the
/// one before.
fn work(steps: u64) -> u64 {
    (0..steps).fold(88_172_645_463_325_252, |mut word, _| {
        word ^= word << 13;
        word ^= word >> 7;
        word ^ word << 17
    })
}
