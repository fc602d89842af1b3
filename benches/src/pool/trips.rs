//! `pool-apply`: a call to a worker and its value back, while nothing else is under way.

use crossbeam_channel::bounded;
use multiproc::Executor;

use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};
use crate::event::{bare, bare_apart, count};
use crate::futex::SPINS;
use crate::pool::rates::same;
use crate::pool::{crew, rivals};

pub(crate) const FAMILY: Family = &[
    ("bare futex", Contender::Here(|setting| bare(0, setting))),
    ("bare futex, short spin", Contender::Here(|setting| bare(SPINS, setting))),
    ("bare futex, a core each", Contender::Here(|setting| bare_apart(0, setting))),
    ("multiproc Pool", Contender::Here(|setting| Ok(apply(crew::processes()?, setting)))),
    (
        "multiproc Pool, one worker",
        Contender::Here(|setting| Ok(apply(crew::one_process()?, setting))),
    ),
    ("multiproc ThreadPool", Contender::Here(|setting| Ok(apply(crew::threads()?, setting)))),
    ("rayon", Contender::Here(rayon)),
    ("threadpool", Contender::Here(threadpool)),
    ("python Pool", Contender::Program(|setting| rivals::pool("apply", 2_000, setting))),
    (
        "python ProcessPoolExecutor",
        Contender::Program(|setting| rivals::futures("apply", 2_000, setting)),
    ),
    ("loky", Contender::Program(|setting| rivals::loky("apply", 2_000, setting))),
];

fn apply(pool: impl Executor + 'static, setting: Setting) -> Round {
    trips(setting, move |number| pool.apply(same, (number,)).expect("nothing fails"))
}

fn rayon(setting: Setting) -> Result<Round, Missing> {
    let pool = crew::rayon()?;
    Ok(trips(setting, move |number| pool.install(|| same(number))))
}

fn threadpool(setting: Setting) -> Result<Round, Missing> {
    let pool = crew::threadpool();
    let (sender, values) = bounded(1);
    Ok(trips(setting, move |number| {
        let sender = sender.clone();
        pool.execute(move || sender.send(same(number)).expect("the other side lives"));
        values.recv().expect("the other side lives")
    }))
}

fn trips(setting: Setting, mut trip: impl FnMut(u64) -> u64 + 'static) -> Round {
    let mut number = 0;
    Box::new(move || {
        clock::micros_each(count(setting), || {
            number += 1;
            assert_eq!(trip(number), number);
        })
    })
}
