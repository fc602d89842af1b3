//! Spans that carry across the process boundary; nothing without the feature `tracing`.
//!
//! The one who gives a task does so in some span. Its number goes with the task to the worker,
//! whose own span `task` has it as the field `parent`, and the pool's process as `parent_pid`. A
//! worker has the subscriber that its initializer sets.

/// The number of the span that the calling thread is in; 0 if there is none.
pub(crate) fn current() -> u64 {
    #[cfg(feature = "tracing")]
    {
        tracing::Span::current().id().map_or(0, |id| id.into_u64() & LONGEST)
    }
    #[cfg(not(feature = "tracing"))]
    0
}

/// As much of a number as travels with a task.
#[cfg(feature = "tracing")]
const LONGEST: u64 = (1 << 48) - 1;

/// Runs `body` in the span of a task.
#[cfg(feature = "tracing")]
pub(crate) fn within<R>(parent: u64, function: u32, calls: u32, body: impl FnOnce() -> R) -> R {
    let worker = crate::worker_id();
    let parent_pid = procspawn_core::parent_process().map(|parent| parent.pid());
    let span = tracing::info_span!("task", parent, parent_pid, worker, function, calls);
    span.in_scope(body)
}

/// The same without the feature.
#[cfg(not(feature = "tracing"))]
pub(crate) fn within<R>(_parent: u64, _function: u32, _calls: u32, body: impl FnOnce() -> R) -> R {
    body()
}
