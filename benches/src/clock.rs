//! Time turned into the units that workloads are told in.
#![allow(unsafe_code, reason = "getrusage")]

use std::mem::MaybeUninit;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};

use crate::stats::Summary;

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

/// The median of the microseconds that each `work` takes, from the first to the `count`th, together
/// with what the clock itself takes.
pub(crate) fn median_micros(count: u64, mut work: impl FnMut(u64)) -> f64 {
    let times = (1..=count).map(|nth| 1e6 * seconds(|| work(nth)));
    Summary::of(times.collect()).median
}

/// The megabytes per second at which `work` moves `bytes`.
pub(crate) fn megabytes_per_second(bytes: u64, work: impl FnOnce()) -> f64 {
    bytes as f64 / 1e6 / seconds(work)
}

/// The millions a second at which `work` does `count` things.
pub(crate) fn millions_per_second(count: u64, work: impl FnOnce()) -> f64 {
    count as f64 / 1e6 / seconds(work)
}

/// The seconds that `work` takes.
pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The time now, in nanoseconds of a clock that all processes share.
pub(crate) fn nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// How often this thread has had to leave its processor to another.
pub(crate) fn interruptions() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the call writes to a structure that is ours.
    let told = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
    assert_eq!(told, 0, "a thread may ask about itself");
    // SAFETY: the structure is numbers, which were all zero before the call.
    unsafe { usage.assume_init() }.ru_nivcsw as u64
}
