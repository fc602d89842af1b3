//! Time turned into the units that workloads are told in.

use std::time::Instant;

/// The milliseconds that `work` takes.
pub(crate) fn millis(work: impl FnOnce()) -> f64 {
    1e3 * seconds(work)
}

/// The microseconds that one `work` takes, as the mean of `count`.
pub(crate) fn micros_each(count: u32, mut work: impl FnMut()) -> f64 {
    1e6 * seconds(|| (0..count).for_each(|_| work())) / f64::from(count)
}

/// The nanoseconds that one `work` takes, as the mean of `count`.
pub(crate) fn nanos_each(count: u32, work: impl FnMut()) -> f64 {
    1e3 * micros_each(count, work)
}

/// The megabytes per second at which `work` moves `bytes`.
pub(crate) fn megabytes_per_second(bytes: u64, work: impl FnOnce()) -> f64 {
    bytes as f64 / 1e6 / seconds(work)
}

/// The seconds that `work` takes.
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}
