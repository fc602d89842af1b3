//! `pingpong`: eight bytes to another process and back.

use crate::bare::{self, Helper};
use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};

pub(crate) const FAMILY: Family = &[("bare socketpair", Contender::Here(bare_socketpair))];

/// How many round trips one round makes.
pub(crate) fn count(setting: Setting) -> u32 {
    if setting.quick { 2_000 } else { 20_000 }
}

fn bare_socketpair(setting: Setting) -> Result<Round, Missing> {
    let mut peer =
        Helper::start(bare::ECHO).map_err(|e| format!("cannot start the echo process: {e}"))?;
    let mut number = 0_u64;
    Ok(Box::new(move || {
        clock::micros_each(count(setting), || {
            number += 1;
            let mut word = number.to_le_bytes();
            peer.exchange(&mut word).expect("the echo process answers");
            assert_eq!(u64::from_le_bytes(word), number);
        })
    }))
}
