//! `mutex` and `mutex-contended`: a lock that survives its holder, against one that does not.

use multiproc::sync;

use crate::contender::{Contender, Family};
use crate::posix::{Kind, PthreadMutex};
use crate::tally::{self, OneAtATime};

pub(crate) const FAMILY: Family = &[
    ("std Mutex", Contender::Here(|setting| Ok(tally::alone_privately(standard(), setting)))),
    ("multiproc Mutex", Contender::Here(|setting| tally::alone(ours(), setting))),
    ("pthread shared", Contender::Here(|setting| tally::alone(pthread(SHARED), setting))),
    ("pthread robust", Contender::Here(|setting| tally::alone(pthread(ROBUST), setting))),
    ("pthread robust PI", Contender::Here(|setting| tally::alone(pthread(ROBUST_PI), setting))),
];

pub(crate) const CONTENDED: Family = &[
    ("std Mutex, threads", Contender::Here(|setting| Ok(tally::two_threads(standard(), setting)))),
    ("multiproc Mutex", Contender::Here(|setting| tally::two_processes(ours(), setting))),
    ("pthread shared", Contender::Here(|setting| tally::two_processes(pthread(SHARED), setting))),
    ("pthread robust", Contender::Here(|setting| tally::two_processes(pthread(ROBUST), setting))),
];

const SHARED: Kind = Kind { robust: false, inherits_priority: false };
const ROBUST: Kind = Kind { robust: true, inherits_priority: false };
const ROBUST_PI: Kind = Kind { robust: true, inherits_priority: true };

fn standard() -> std::sync::Mutex<()> {
    std::sync::Mutex::new(())
}

fn ours() -> sync::Mutex<()> {
    sync::Mutex::new(())
}

fn pthread(kind: Kind) -> PthreadMutex {
    PthreadMutex::new(kind)
}

impl OneAtATime for std::sync::Mutex<()> {
    #[inline]
    fn alone(&self, work: impl FnOnce()) {
        let _guard = self.lock().expect("nobody has panicked with the lock");
        work();
    }
}

impl OneAtATime for sync::Mutex<()> {
    #[inline]
    fn alone(&self, work: impl FnOnce()) {
        let _guard = self.lock().expect("nobody has died with the lock");
        work();
    }
}
