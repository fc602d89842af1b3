//! Who waits for a value collects it: the way from a worker to a waiting thread has no other thread in
//! it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::inner::Inner;
use crate::lane::{Lane, Sleeper};
use crate::state::{Phase, State};

/// There is one helper at a time; the others wait for what it wakes.
#[derive(Debug, Default)]
pub(crate) struct Helper(Mutex<()>);

impl Inner {
    /// Collects and hands over until `is_over`, unless another thread does.
    pub(crate) fn collect_until(&self, is_over: &dyn Fn() -> bool, deadline: Option<Instant>) {
        if is_over() {
            return;
        }
        // If one panicked, that is for all others to wait otherwise.
        let Ok(_seat) = self.helper.0.try_lock() else { return };
        loop {
            // Also after the last sleep, as a worker may have rung for this sleeper and no other.
            let (lanes, ended) = self.gather();
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            // Who ends the pool does not know of this sleeper.
            if ended || late || is_over() {
                return;
            }
            let needed = || is_over() || lanes.iter().any(Lane::has_records);
            self.bell.sleep(Sleeper::Helper, deadline, needed);
        }
    }

    /// Collects once; gives all lanes, and whether the pool is over.
    fn gather(&self) -> (Arc<[Lane]>, bool) {
        let mut state = self.lock();
        state.collect();
        state.dispatch();
        let lanes = state.lanes();
        let ended = !matches!(state.phase, Phase::Open | Phase::Closed);
        self.wake_jobs(state);
        (lanes, ended)
    }

    /// Lets go of the lock, and tells those who wait for jobs that have changed, and the supervisor of
    /// what is for it to do.
    pub(crate) fn wake_jobs(&self, mut state: MutexGuard<'_, State>) {
        let jobs = std::mem::take(&mut state.harvest.jobs);
        let attract = state.needs_supervisor();
        drop(state);
        jobs.iter().for_each(|job| job.wake());
        if !jobs.is_empty() {
            // It waits for one of them, maybe.
            self.bell.wake(Sleeper::Helper);
        }
        if attract {
            self.attract();
        }
    }
}
