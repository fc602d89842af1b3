//! How long an operation is ready to wait.

use std::time::{Duration, Instant};

/// The three forms that every operation has, besides the one that never waits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Not at all: the operation happens now or not.
    None,
    /// Up to a point on the monotonic clock.
    Until(Instant),
    /// As long as it takes.
    Endless,
}

/// How long an operation that does not wait for items or room waits for another one to finish.
///
/// It lasts a moment, unless its process has been stopped in it.
const MOMENT: Duration = Duration::from_secs(1);

impl Patience {
    /// Up to `timeout` from now; one too long for the clock never ends.
    pub(crate) fn after(timeout: Duration) -> Patience {
        Instant::now().checked_add(timeout).map_or(Patience::Endless, Patience::Until)
    }

    /// When it is over, if ever.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Patience::Until(instant) => Some(instant),
            Patience::None | Patience::Endless => None,
        }
    }

    /// True once there is nothing left to wait.
    pub(crate) fn is_over(self) -> bool {
        match self {
            Patience::None => true,
            Patience::Until(instant) => Instant::now() >= instant,
            Patience::Endless => false,
        }
    }

    /// The end of it, `limit` from now at the latest.
    pub(crate) fn within(self, limit: Duration) -> Instant {
        let limit = Instant::now() + limit;
        self.deadline().map_or(limit, |deadline| deadline.min(limit))
    }

    /// The same for the lock of an operation that another process may be in the middle of.
    pub(crate) fn for_lock(self) -> Patience {
        match self {
            Patience::None => Patience::after(MOMENT),
            // A timeout that is over already is no reason to refuse what is there.
            Patience::Until(instant) => Patience::Until(instant.max(Instant::now() + MOMENT / 100)),
            Patience::Endless => Patience::Endless,
        }
    }
}
