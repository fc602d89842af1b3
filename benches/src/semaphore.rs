//! `semaphore` and `semaphore-contended`: one permit, taken and given back.

use multiproc::sync::{BoundedSemaphore, Semaphore};

use crate::contender::{Contender, Family};
use crate::posix::PosixSemaphore;
use crate::tally::{self, OneAtATime};

pub(crate) const FAMILY: Family = &[
    ("sem_t", Contender::Here(|setting| tally::alone(PosixSemaphore::new(), setting))),
    ("multiproc Semaphore", Contender::Here(|setting| tally::alone(plain(), setting))),
    ("multiproc BoundedSemaphore", Contender::Here(|setting| tally::alone(bounded(), setting))),
];

pub(crate) const CONTENDED: Family = &[
    ("sem_t", Contender::Here(|setting| tally::two_processes(PosixSemaphore::new(), setting))),
    ("multiproc Semaphore", Contender::Here(|setting| tally::two_processes(plain(), setting))),
    (
        "multiproc BoundedSemaphore",
        Contender::Here(|setting| tally::two_processes(bounded(), setting)),
    ),
];

fn plain() -> Semaphore {
    Semaphore::new(1).expect("a semaphore can count to 1")
}

fn bounded() -> BoundedSemaphore {
    BoundedSemaphore::new(1).expect("a semaphore can have one permit")
}

impl OneAtATime for Semaphore {
    #[inline]
    fn alone(&self, work: impl FnOnce()) {
        self.acquire();
        work();
        self.release().expect("it was acquired");
    }
}

impl OneAtATime for BoundedSemaphore {
    #[inline]
    fn alone(&self, work: impl FnOnce()) {
        let _permit = self.acquire().expect("this thread can hold one more");
        work();
    }
}
