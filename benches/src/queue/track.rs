//! What both sides of a queue share besides it: where they begin and end, how much there is to pass
//! on, and what came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use multiproc::{Function, Shareable, Shared};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contender::Missing;
use crate::cores::Place;
use crate::line::{Line, Outcome};
use crate::other;

/// A line, at which the leader puts, and the followers get or put as well.
#[derive(Debug, Shareable)]
#[repr(C)]
pub(crate) struct Track {
    line: Line,
    /// How many items each side puts or gets in this lap. Relaxed, as all meet at the line.
    items: AtomicU64,
    sum: AtomicU64,
}

impl Track {
    fn new(sides: u32) -> Self {
        Self { line: Line::new(sides), items: AtomicU64::new(0), sum: AtomicU64::new(0) }
    }

    /// A track for this process and one that is still to be started.
    pub(crate) fn shared() -> Result<Shared<Self>, Missing> {
        Self::shared_by(2)
    }

    /// The same for this process and three others.
    pub(crate) fn shared_by_four() -> Result<Shared<Self>, Missing> {
        Self::shared_by(4)
    }

    fn shared_by(sides: u32) -> Result<Shared<Self>, Missing> {
        Shared::new(Self::new(sides)).map_err(|e| format!("no shared memory: {e}"))
    }

    /// A track of two processes, the other one of which is `follower`, and gets `ends`.
    pub(crate) fn with_process<F, A>(
        place: Place,
        follower: F,
        ends: A,
    ) -> Result<Shared<Self>, Missing>
    where
        F: Function<(Shared<Self>, A), Output = ()>,
        A: Serialize + DeserializeOwned + 'static,
    {
        let track = Self::shared()?;
        place.start(|| other::start(follower, (track.clone(), ends)))?;
        Ok(track)
    }

    /// A track of this thread and one that does `work`, as for [`follow`](Self::follow).
    pub(crate) fn with_thread<W>(place: Place, work: W) -> Result<Arc<Self>, Missing>
    where
        W: FnMut(u64) -> u64 + Send + 'static,
    {
        let track = Arc::new(Self::new(2));
        place.start(|| {
            track.clone().spawn(work);
            Ok(())
        })?;
        Ok(track)
    }

    /// A track of four threads, this one among them.
    pub(crate) fn of_four() -> Arc<Self> {
        Arc::new(Self::new(4))
    }

    /// Has another thread follow.
    pub(crate) fn spawn(self: Arc<Self>, work: impl FnMut(u64) -> u64 + Send + 'static) {
        thread::spawn(move || self.follow(work));
    }

    /// Has every follower do its work once, with `items`, while this side does `work`. Gives the
    /// sum of what the followers found, and how the lap went.
    pub(crate) fn lead(&self, items: u64, work: impl FnOnce()) -> (u64, Outcome) {
        self.items.store(items, Relaxed);
        self.sum.store(0, Relaxed);
        let outcome = self.line.lead(work);
        (self.sum.load(Relaxed), outcome)
    }

    /// Does `work` in each lap, which gives a sum, until all is over.
    pub(crate) fn follow(&self, mut work: impl FnMut(u64) -> u64) {
        self.line.follow(|| {
            self.sum.fetch_add(work(self.items.load(Relaxed)), Relaxed);
        });
    }

    /// Tells the followers that no lap comes any more.
    #[cfg_attr(not(feature = "iceoryx2"), expect(dead_code, reason = "others just end"))]
    pub(crate) fn end(&self) {
        self.line.end();
    }
}
