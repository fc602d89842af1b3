//! `fork`: a copy of this process that ends at once, and the wait for its end.

use crate::contender::{Contender, Family, Round};
use crate::{ballast, bare, clock};

pub(crate) const FAMILY: Family = &[
    ("raw fork", Contender::Here(|_| Ok(raw_fork(50)))),
    (
        "raw fork, 1 GiB parent",
        Contender::Here(|_| {
            ballast::load(ballast::GIB)?;
            Ok(raw_fork(5))
        }),
    ),
];

fn raw_fork(count: u32) -> Round {
    Box::new(move || {
        clock::micros_each(count, || bare::fork_and_wait().expect("the process can be forked"))
    })
}
