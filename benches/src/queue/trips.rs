//! A number there and back: how long that takes.
//!
//! Other families tell the mean of many trips. Here each trip is timed by itself, for all
//! contenders alike, and the median is told, because a few trips that meet an interruption take a
//! thousand times as long as one where both sides look. The time that the clock itself takes is
//! part of it.

use std::ops::Deref;

use crate::clock;
use crate::contender::{Round, Setting};
use crate::queue::track::Track;

/// A round in which `trip` takes a number there and gives the one that came back.
pub(crate) fn round(
    track: impl Deref<Target = Track> + 'static,
    setting: Setting,
    mut trip: impl FnMut(u64) -> u64 + 'static,
) -> Round {
    let count = if setting.quick { 1_000 } else { 20_000 };
    Box::new(move || {
        let mut micros = 0.0;
        track.lead(count, || {
            micros = clock::median_micros(count, |number| assert_eq!(trip(number), number));
        });
        micros
    })
}

/// What sends `count` numbers back as they come. It gives no sum, for the leader sees them all.
pub(crate) fn echo(mut once: impl FnMut()) -> impl FnMut(u64) -> u64 {
    move |count| {
        (0..count).for_each(|_| once());
        0
    }
}
