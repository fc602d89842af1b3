//! What a pool counts for the `metrics` facade; nothing without that feature.
//!
//! | name | kind | |
//! |---|---|---|
//! | `pool_calls_total` | counter | calls that have ended in workers |
//! | `pool_tasks_seconds` | histogram | how long tasks took, of one call or several |
//! | `pool_worker_starts_total` | counter | processes that became workers |
//! | `pool_worker_deaths_total` | counter | workers that died or were killed |
//! | `pool_worker_start_seconds` | histogram | how long they took to be ready |

use std::time::Duration;

pub(crate) fn calls(count: u64) {
    #[cfg(feature = "metrics")]
    if count > 0 {
        metrics::counter!("pool_calls_total").increment(count);
    }
    let _ = count;
}

pub(crate) fn task_took(took: Duration) {
    #[cfg(feature = "metrics")]
    metrics::histogram!("pool_tasks_seconds").record(took.as_secs_f64());
    let _ = took;
}

pub(crate) fn worker_started(took: Duration) {
    #[cfg(feature = "metrics")]
    {
        metrics::counter!("pool_worker_starts_total").increment(1);
        metrics::histogram!("pool_worker_start_seconds").record(took.as_secs_f64());
    }
    let _ = took;
}

pub(crate) fn worker_died() {
    #[cfg(feature = "metrics")]
    metrics::counter!("pool_worker_deaths_total").increment(1);
}
