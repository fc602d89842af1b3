//! `rwlock`: a lock to read, taken and given back while nobody else wants it.

use std::hint::black_box;

use multiproc::{Shared, sync};

use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};

pub(crate) const FAMILY: Family = &[
    ("std RwLock, read", Contender::Here(standard)),
    ("multiproc RwLock, read", Contender::Here(ours)),
    ("std RwLock, write", Contender::Here(standard_write)),
    ("multiproc RwLock, write", Contender::Here(ours_write)),
];

fn count(setting: Setting) -> u32 {
    if setting.quick { 100_000 } else { 1_000_000 }
}

/// What is behind every lock, and what reading it as often as a round does must sum up to.
const NUMBER: u64 = 3;

fn standard(setting: Setting) -> Result<Round, Missing> {
    let lock = std::sync::RwLock::new(NUMBER);
    Ok(round(setting, move || *black_box(&lock).read().expect("nobody has panicked")))
}

fn ours(setting: Setting) -> Result<Round, Missing> {
    let lock = shared()?;
    Ok(round(setting, move || *black_box(&*lock).read().expect("nobody has died")))
}

fn standard_write(setting: Setting) -> Result<Round, Missing> {
    let lock = std::sync::RwLock::new(NUMBER);
    Ok(round(setting, move || *black_box(&lock).write().expect("nobody has panicked")))
}

fn ours_write(setting: Setting) -> Result<Round, Missing> {
    let lock = shared()?;
    Ok(round(setting, move || *black_box(&*lock).write().expect("nobody has died")))
}

fn shared() -> Result<Shared<sync::RwLock<u64>>, Missing> {
    Shared::new(sync::RwLock::new(NUMBER)).map_err(|e| format!("no shared memory: {e}"))
}

fn round(setting: Setting, mut read: impl FnMut() -> u64 + 'static) -> Round {
    let count = count(setting);
    Box::new(move || {
        let mut sum = 0;
        let each = clock::nanos_each(count, || sum += read());
        assert_eq!(sum, NUMBER * u64::from(count));
        each
    })
}
