//! How much of a scenario is visited, and how long a survivor may take.

use std::time::{Duration, Instant};

/// A survivor that takes longer hangs. A healthy one takes less than a millisecond; the rest is for
/// a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(2);

/// The part of the patience after which a survivor is late: if it takes longer again and again, it
/// was not woken but looked by itself, as waiters do every second in case a wake-up was lost.
const PROMPT: u32 = 5;

/// How often one that was late is looked at again, since the machine may have had other things to do.
const LOOKS: usize = 3;

/// A control is expected to hang, again and again, so that less patience is enough.
const CONTROL_PATIENCE: Duration = Duration::from_millis(150);

/// What a quick run visits of one scenario, in kills, and along each side of a pair.
const QUICK_KILLS: usize = 25;
const QUICK_GRID: usize = 4;

/// What an exhaustive run visits of a pair of processes, and of two deaths, along each side.
const GRID: usize = 48;
const DEATHS: usize = 64;

/// No operation is longer; one that is does not end.
pub(crate) const LONGEST: usize = 400_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    extent: Extent,
    patience: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Everything,
    Quick,
}

impl Plan {
    pub(crate) fn every_instruction() -> Self {
        Self { extent: Extent::Everything, patience: PATIENCE }
    }

    pub(crate) fn quick() -> Self {
        Self { extent: Extent::Quick, patience: PATIENCE }
    }

    /// The same for a scenario that is to fail.
    pub(crate) fn for_control(&self) -> Self {
        Self { patience: CONTROL_PATIENCE, ..*self }
    }

    /// How often an operation is measured, whose length may differ from run to run.
    pub(crate) fn measurements(&self) -> usize {
        match self.extent {
            Extent::Everything => 3,
            Extent::Quick => 1,
        }
    }

    /// Whether the first failure is enough.
    pub(crate) fn stops_early(&self) -> bool {
        self.extent == Extent::Quick
    }

    /// How long a process may do nothing.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// What `run` comes to, with what it took; run again if it took so long that nobody can have
    /// been woken, and an error if it always does.
    pub(crate) fn promptly(
        &self,
        mut run: impl FnMut() -> Result<Duration, String>,
    ) -> Result<Duration, String> {
        let mut took = Duration::ZERO;
        for _ in 0..LOOKS {
            took = run()?;
            if took < self.patience / PROMPT {
                return Ok(took);
            }
        }
        Err(format!("LATE: nobody was woken, and after {took:.1?} somebody looked by himself"))
    }

    /// When a process that starts now must have come to its end.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// The kill points to visit of those that tell something, the last of which is the operation's
    /// end, and those at which it sleeps or has just woken up.
    pub(crate) fn points(&self, telling: &[usize], sleeps: &[usize]) -> Vec<usize> {
        let stride = match self.extent {
            Extent::Everything => 1,
            Extent::Quick => (telling.len() / QUICK_KILLS).max(1),
        };
        let end = telling.last().copied();
        let mut points: Vec<usize> = telling.iter().copied().step_by(stride).chain(end).collect();
        points.extend(sleeps.iter().flat_map(|sleep| [*sleep, sleep + 1]));
        points.retain(|point| Some(*point) <= end);
        points.sort_unstable();
        points.dedup();
        points
    }

    /// The points along one side where two operations are stopped, each at each of its own.
    pub(crate) fn first_of_two(&self, length: usize) -> Vec<usize> {
        match self.extent {
            Extent::Everything => strided(length, length.div_ceil(DEATHS).max(1)),
            Extent::Quick => strided(length, length.div_ceil(QUICK_GRID).max(1)),
        }
    }

    /// The same for two operations that also run on, where a full grid would take hours.
    pub(crate) fn side_of_grid(&self, length: usize) -> Vec<usize> {
        match self.extent {
            Extent::Everything => strided(length, length.div_ceil(GRID).max(1)),
            Extent::Quick => self.first_of_two(length),
        }
    }
}

fn strided(length: usize, stride: usize) -> Vec<usize> {
    let mut points: Vec<usize> = (0..length).step_by(stride).collect();
    points.push(length);
    points
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Plan;

    #[test]
    fn every_instruction_is_visited_and_the_end() {
        assert_eq!(Plan::every_instruction().points(&[0, 1, 2, 3], &[]), [0, 1, 2, 3]);
        assert_eq!(Plan::quick().points(&[0, 1, 2, 3], &[]), [0, 1, 2, 3]);
        assert_eq!(Plan::quick().points(&[0], &[]), [0]);
    }

    #[test]
    fn a_quick_run_is_bounded_and_has_the_end() {
        for length in [500, 5_000, 50_000] {
            let all: Vec<usize> = (0..=length).collect();
            let points = Plan::quick().points(&all, &[]);
            assert!(points.len() <= 51);
            assert_eq!(points.last(), Some(&length));
        }
    }

    #[test]
    fn who_is_late_each_time_is_late_and_who_is_once_is_not() {
        let late = Duration::from_secs(1);
        let mut times = vec![Duration::ZERO, late];
        let plan = Plan::quick();
        assert_eq!(plan.promptly(|| Ok(times.pop().unwrap_or(late))), Ok(Duration::ZERO));
        assert!(plan.promptly(|| Ok(late)).is_err_and(|what| what.starts_with("LATE")));
    }

    #[test]
    fn a_quick_run_leaves_no_sleep_out() {
        let all: Vec<usize> = (0..=5_000).collect();
        let points = Plan::quick().points(&all, &[1_001, 5_000]);
        assert!([1_001, 1_002, 5_000].iter().all(|point| points.contains(point)));
        assert!(!points.contains(&5_001));
    }
}
