//! What stands in the table where `iceoryx2` is left out of the build.

use crate::contender::{Missing, Round, Setting};
use crate::queue::item::Item;

/// What may be the payload.
pub(crate) trait Payload {}

impl<T> Payload for T {}

pub(crate) fn values<T: Item + Payload>(_: Setting) -> Result<Round, Missing> {
    left_out()
}

pub(crate) fn blocks<const LEN: usize>(_: Setting) -> Result<Round, Missing> {
    left_out()
}

pub(crate) fn blocks_in_place<const LEN: usize>(_: Setting) -> Result<Round, Missing> {
    left_out()
}

pub(crate) fn trip(_: Setting) -> Result<Round, Missing> {
    left_out()
}

fn left_out() -> Result<Round, Missing> {
    Err("built without the feature `iceoryx2`".to_owned())
}
