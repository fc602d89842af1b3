//! Who waits for a value collects it: the way from a worker to a waiting thread has no other thread
//! in it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::inner::Inner;
use crate::lane::{Lane, Sleeper};
use crate::state::{Phase, State};
use crate::supervisor::GLANCE;

/// There is one helper at a time; the others wait for what it wakes.
#[derive(Debug, Default)]
pub(crate) struct Helper(Mutex<()>);

/// What a helper has found.
struct Found {
    lanes: Arc<[Lane]>,
    is_ended: bool,
    /// There are tasks that have not ended.
    is_busy: bool,
    has_collected: bool,
}

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
            let found = self.gather();
            let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            // Who ends the pool does not know of this sleeper.
            if found.is_ended || late || is_over() {
                if found.is_busy {
                    self.ask_for_glance();
                }
                return;
            }
            let again = found.has_collected.then(|| Instant::now() + GLANCE);
            let until = [deadline, again].into_iter().flatten().min();
            let needed = || is_over() || found.lanes.iter().any(Lane::has_records);
            self.bell.sleep(Sleeper::Helper, until, needed);
        }
    }

    /// Collects once.
    fn gather(&self) -> Found {
        let mut state = self.lock();
        let calls = state.harvest.calls;
        state.collect();
        state.dispatch();
        let found = Found {
            lanes: state.lanes(),
            is_ended: !matches!(state.phase, Phase::Open | Phase::Closed),
            is_busy: !state.is_idle(),
            has_collected: state.harvest.calls != calls,
        };
        self.wake_jobs(state);
        found
    }

    /// Has the supervisor look at what workers write in the next moments without ringing.
    fn ask_for_glance(&self) {
        // Release: pairs with the supervisor's exchange.
        self.glance.store(true, Ordering::Release);
        self.bell.wake(Sleeper::Supervisor);
    }

    /// Lets go of the lock, and tells those who wait for jobs that have changed, and the supervisor
    /// of what is for it to do.
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
