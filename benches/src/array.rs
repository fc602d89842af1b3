//! `array`: 8 MiB out of shared memory and into it, as one copy.

use std::hint::black_box;

use multiproc::{Array, RawArray};

use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};

pub(crate) const FAMILY: Family = &[
    ("memcpy, private", Contender::Here(private)),
    ("multiproc Array, out", Contender::Here(out_of_array)),
    ("multiproc Array, in", Contender::Here(into_array)),
    ("multiproc RawArray, out", Contender::Here(out_of_raw)),
    ("multiproc RawArray, in", Contender::Here(into_raw)),
];

/// 8 MiB of numbers.
const LEN: usize = 1 << 20;

fn private(setting: Setting) -> Result<Round, Missing> {
    let (from, mut to) = (numbers(), vec![1; LEN]);
    Ok(round(setting, move || {
        black_box(&mut to[..]).copy_from_slice(black_box(&from));
        to[LEN - 1]
    }))
}

fn out_of_array(setting: Setting) -> Result<Round, Missing> {
    let (array, mut to) = (array()?, vec![1; LEN]);
    Ok(round(setting, move || {
        black_box(&mut to[..]).copy_from_slice(&array.lock().expect("its holder lives"));
        to[LEN - 1]
    }))
}

fn into_array(setting: Setting) -> Result<Round, Missing> {
    let (array, from) = (array()?, numbers());
    Ok(round(setting, move || {
        let mut to = array.lock().expect("its holder lives");
        to.copy_from_slice(black_box(&from));
        to[LEN - 1]
    }))
}

fn out_of_raw(setting: Setting) -> Result<Round, Missing> {
    let (array, mut to) = (raw()?, vec![1; LEN]);
    Ok(round(setting, move || {
        array.copy_to(0, black_box(&mut to[..])).expect("both are of one length");
        to[LEN - 1]
    }))
}

fn into_raw(setting: Setting) -> Result<Round, Missing> {
    let (array, from) = (raw()?, numbers());
    Ok(round(setting, move || {
        array.copy_from(0, black_box(&from)).expect("both are of one length");
        array.get(LEN - 1).expect("it is the last")
    }))
}

fn numbers() -> Vec<u64> {
    (0..LEN as u64).collect()
}

fn array() -> Result<Array<u64>, Missing> {
    Array::from_slice(&numbers()).map_err(|e| format!("no shared memory: {e}"))
}

fn raw() -> Result<RawArray<u64>, Missing> {
    RawArray::from_slice(&numbers()).map_err(|e| format!("no shared memory: {e}"))
}

/// `copy` gives the last number that it has copied.
fn round(setting: Setting, mut copy: impl FnMut() -> u64 + 'static) -> Round {
    let copies = if setting.quick { 5 } else { 40 };
    Box::new(move || {
        clock::megabytes_per_second((copies * LEN * size_of::<u64>()) as u64, || {
            for _ in 0..copies {
                assert_eq!(copy(), LEN as u64 - 1);
            }
        })
    })
}
