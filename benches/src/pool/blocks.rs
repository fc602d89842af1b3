//! `pool-1m`: arguments and values of 1 MiB, some of them under way at a time.

use std::hint::black_box;

use multiproc::{Bytes, Executor};

use crate::clock;
use crate::contender::{Contender, Family, Round, Setting};
use crate::pool::{crew, rivals};

pub(crate) const FAMILY: Family = &[
    ("memcpy, there and back", Contender::Here(|setting| Ok(memcpy(setting)))),
    ("multiproc Pool", Contender::Here(|setting| Ok(there_and_back(crew::processes()?, setting)))),
    ("multiproc Pool, there", Contender::Here(|setting| Ok(there(crew::processes()?, setting)))),
    ("multiproc Pool, back", Contender::Here(|setting| Ok(back(crew::processes()?, setting)))),
    (
        "multiproc ThreadPool",
        Contender::Here(|setting| Ok(there_and_back(crew::threads()?, setting))),
    ),
    ("python Pool", Contender::Program(|setting| rivals::pool("blocks", 100, setting))),
    (
        "python ProcessPoolExecutor",
        Contender::Program(|setting| rivals::futures("blocks", 100, setting)),
    ),
    ("loky", Contender::Program(|setting| rivals::loky("blocks", 100, setting))),
];

const MIB: usize = 1 << 20;

/// How many calls one round makes.
fn count(setting: Setting) -> u64 {
    if setting.quick { 30 } else { 200 }
}

fn block(number: u64) -> Bytes {
    let mut bytes = vec![1; MIB];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes.into()
}

fn number_of(bytes: &[u8]) -> u64 {
    assert_eq!(bytes.len(), MIB);
    bytes.first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

/// Has `pass` pass on blocks that are there before the clock starts, `ways` as many times as there are
/// blocks.
fn passing(
    ways: u64,
    setting: Setting,
    mut pass: impl FnMut(Vec<Bytes>) -> u64 + 'static,
) -> Round {
    let count = count(setting);
    Box::new(move || {
        let blocks = (0..count).map(block).collect();
        clock::megabytes_per_second(ways * count * MIB as u64, || {
            assert_eq!(pass(blocks), count * (count - 1) / 2);
        })
    })
}

fn there_and_back(pool: impl Executor + 'static, setting: Setting) -> Round {
    passing(2, setting, move |blocks| {
        let values = pool.imap(|block: Bytes| block, blocks);
        values.map(|block| number_of(&block.expect("nothing fails"))).sum()
    })
}

fn there(pool: impl Executor + 'static, setting: Setting) -> Round {
    passing(1, setting, move |blocks| {
        let values = pool.imap(|block: Bytes| number_of(&block), blocks);
        values.map(|number| number.expect("nothing fails")).sum()
    })
}

fn back(pool: impl Executor + 'static, setting: Setting) -> Round {
    passing(1, setting, move |blocks| {
        let values = pool.imap(block, 0..blocks.len() as u64);
        values.map(|block| number_of(&block.expect("nothing fails"))).sum()
    })
}

/// The least that private memory on both sides asks for: a copy each way, from and to warm memory.
fn memcpy(setting: Setting) -> Round {
    let (mut theirs, mut ours) = (vec![0; MIB], vec![0; MIB]);
    passing(2, setting, move |blocks| {
        let mut sum = 0;
        for block in &blocks {
            theirs.copy_from_slice(block);
            ours.copy_from_slice(black_box(&theirs));
            sum += number_of(black_box(&ours));
        }
        sum
    })
}
