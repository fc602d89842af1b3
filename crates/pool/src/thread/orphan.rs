//! A pool of threads in a process that was forked off, where the threads do not exist.

use std::sync::Arc;

use crate::callbacks::Callbacks;
use crate::control::{Control, Running};
use crate::sink::Outcomes;

/// Control of tasks that were given to a pool of another process, all of which have failed.
#[derive(Default)]
pub(super) struct Orphan {
    callbacks: Callbacks,
}

impl Control for Orphan {
    fn cancel(&self, _job: &Arc<dyn Outcomes>, _running: Running) -> bool {
        false
    }

    fn is_running(&self, _job: &Arc<dyn Outcomes>) -> bool {
        false
    }

    fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }
}
