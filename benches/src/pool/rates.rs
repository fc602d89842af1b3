//! `pool-map` and `pool-submit`: how many calls a second go through a pool that do nothing.

use crossbeam_channel::unbounded;
use multiproc::Executor;
use rayon::prelude::*;

use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::pool::{crew, rivals};

pub(crate) const MAP: Family = &[
    (
        "multiproc Pool, one by one",
        Contender::Here(|setting| Ok(map_one_by_one(crew::processes()?, setting))),
    ),
    ("multiproc Pool", Contender::Here(|setting| Ok(map(crew::processes()?, setting)))),
    (
        "multiproc ThreadPool, one by one",
        Contender::Here(|setting| Ok(map_one_by_one(crew::threads()?, setting))),
    ),
    ("rayon, one by one", Contender::Here(rayon_map)),
    ("python Pool", Contender::Program(|setting| rivals::pool("map", 20_000, setting))),
    (
        "python ProcessPoolExecutor",
        Contender::Program(|setting| rivals::futures("map", 5_000, setting)),
    ),
    ("loky", Contender::Program(|setting| rivals::loky("map", 5_000, setting))),
];

pub(crate) const SUBMIT: Family = &[
    ("multiproc Pool", Contender::Here(|setting| Ok(submit(crew::processes()?, setting)))),
    ("multiproc ThreadPool", Contender::Here(|setting| Ok(submit(crew::threads()?, setting)))),
    ("rayon", Contender::Here(rayon_submit)),
    ("threadpool", Contender::Here(threadpool_submit)),
    ("python Pool", Contender::Program(|setting| rivals::pool("submit", 10_000, setting))),
    (
        "python ProcessPoolExecutor",
        Contender::Program(|setting| rivals::futures("submit", 5_000, setting)),
    ),
    ("loky", Contender::Program(|setting| rivals::loky("submit", 5_000, setting))),
];

/// How many calls one round makes.
fn count(setting: Setting) -> u64 {
    if setting.quick { 20_000 } else { 500_000 }
}

/// The task.
pub(crate) fn same(number: u64) -> u64 {
    number
}

fn map_one_by_one(pool: impl Executor + 'static, setting: Setting) -> Round {
    let count = count(setting);
    mapping(count, move || pool.call(same).chunk_size(1).map(0..count).expect("nothing fails"))
}

fn map(pool: impl Executor + 'static, setting: Setting) -> Round {
    let count = count(setting);
    mapping(count, move || pool.map(same, 0..count).expect("nothing fails"))
}

fn rayon_map(setting: Setting) -> Result<Round, Missing> {
    let (pool, count) = (crew::rayon()?, count(setting));
    let numbers: Vec<u64> = (0..count).collect();
    Ok(mapping(count, move || {
        pool.install(|| numbers.par_iter().with_max_len(1).map(|number| same(*number)).collect())
    }))
}

fn mapping(count: u64, map: impl Fn() -> Vec<u64> + 'static) -> Round {
    Box::new(move || clock::millions_per_second(count, || assert!(map().into_iter().eq(0..count))))
}

fn submit(pool: impl Executor + 'static, setting: Setting) -> Round {
    let count = count(setting);
    Box::new(move || {
        clock::millions_per_second(count, || {
            let handles: Vec<_> = (0..count).map(|n| pool.submit(same, (n,))).collect();
            let values = handles.into_iter().map(|handle| handle.get().expect("nothing fails"));
            assert!(values.eq(0..count));
        })
    })
}

fn rayon_submit(setting: Setting) -> Result<Round, Missing> {
    let pool = crew::rayon()?;
    Ok(executing(setting, move |task| pool.spawn(task)))
}

fn threadpool_submit(setting: Setting) -> Result<Round, Missing> {
    let pool = crew::threadpool();
    Ok(executing(setting, move |task| pool.execute(task)))
}

/// What executes closures without values, so that a channel brings them back, in any order.
fn executing(setting: Setting, execute: impl Fn(Box<dyn FnOnce() + Send>) + 'static) -> Round {
    let count = count(setting);
    Box::new(move || {
        clock::millions_per_second(count, || {
            let (sender, values) = unbounded();
            for number in 0..count {
                let sender = sender.clone();
                execute(Box::new(move || {
                    sender.send(same(number)).expect("the other side lives");
                }));
            }
            drop(sender);
            assert_eq!(values.iter().sum::<u64>(), count * (count - 1) / 2);
        })
    })
}
