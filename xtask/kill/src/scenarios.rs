//! The table of all scenarios: a file per family, and here a line for each file.

mod controls;
mod harness;
mod pthread;
mod pthread_object;
mod ring;

use crate::scenario::Case;

pub(crate) fn all() -> Vec<Box<dyn Case>> {
    [harness::cases(), controls::cases(), ring::cases(), pthread::cases()]
        .into_iter()
        .flatten()
        .collect()
}
