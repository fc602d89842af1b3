//! How many calls go into one task.

use std::time::Duration;

/// How long a task of several calls should take: long enough that handing it over is a small part
/// of it, short enough that nobody waits long at the end, and that values flow.
const TASK: Duration = Duration::from_micros(200);
/// How much work may wait for each worker.
const AHEAD: Duration = Duration::from_millis(2);
/// However short the calls are.
const MOST: usize = 4096;
/// How many tasks may wait for each worker while nothing is known of the calls.
const TASKS_AHEAD: usize = 4;
/// How many tasks of each worker the rest of a job is cut into.
const TAIL: usize = 4;

/// Chooses the size of chunks: as given, or by how long calls have taken so far.
///
/// The first chunks have one call. Then they at most double each time, up to what takes [`TASK`].
/// When the number of calls is known, the last chunks are smaller, so that the workers end
/// together: guided self-scheduling (C. Polychronopoulos, D. Kuck, 1987).
#[derive(Debug)]
pub(crate) struct Chunks {
    workers: usize,
    given: Option<usize>,
    window: Option<usize>,
    window_bytes: Option<u64>,
    last: usize,
}

impl Chunks {
    pub(crate) fn new(
        workers: usize,
        given: Option<usize>,
        window: Option<usize>,
        window_bytes: Option<u64>,
    ) -> Chunks {
        Chunks { workers: workers.max(1), given, window, window_bytes, last: 0 }
    }

    /// The size of the next chunks. `left` is how many calls there are still to come, if that is
    /// known.
    pub(crate) fn next(&mut self, per_call: Option<Duration>, left: Option<usize>) -> usize {
        if let Some(given) = self.given {
            return given;
        }
        let Some(per_call) = per_call else { return 1 };
        let wanted = (TASK.as_nanos() / per_call.as_nanos().max(1)).clamp(1, MOST as u128) as usize;
        let grown = wanted.min((self.last * 2).max(1));
        let share =
            left.map_or(grown, |left| left.div_ceil(self.workers.saturating_mul(TAIL)).max(1));
        let within =
            self.window.map_or(grown, |window| (window / self.workers.saturating_mul(2)).max(1));
        self.last = grown;
        grown.min(share).min(within)
    }

    /// How many calls may be under way, given the size of chunks, how long a call takes, and how
    /// many bytes a value has.
    pub(crate) fn window(&self, chunk: usize, per_call: Option<Duration>, bytes: u64) -> usize {
        if let Some(window) = self.window {
            return window;
        }
        let ahead = per_call.map_or(0, |per_call| {
            (AHEAD.as_nanos() / per_call.as_nanos().max(1)).min(MOST as u128) as usize
        });
        let calls = self.workers.saturating_mul(ahead.max(chunk.saturating_mul(TASKS_AHEAD)));
        let fits = self.window_bytes.and_then(|limit| limit.checked_div(bytes));
        fits.map_or(calls, |fits| calls.min(usize::try_from(fits).unwrap_or(usize::MAX).max(1)))
    }
}
