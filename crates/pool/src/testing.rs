//! The two ends of a lane without processes, for `cargo xtask kill`, which brings its own: one that
//! serves and is killed at any instruction, and one that settles what it leaves.

use std::cell::{RefCell, RefMut};
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use ipc_pipe::Packets;
use procspawn_core::Function;
use sync_primitives::Origin;

use crate::batch::{Arrivals, Batch};
use crate::feeder::{Feeder, Leftovers, Put};
use crate::functions::Functions;
use crate::harvest::Harvest;
use crate::lane::{Bell, Lane};
use crate::sink::Outcomes;
use crate::task::{Task, pack};
use crate::work::Work;
use crate::worker::Worker;
use crate::{Data, Options, PoolError, TaskError};

/// A lane; whoever is forked has both of its ends, and what the pool knows as of then.
pub struct Rig {
    lane: Lane,
    theirs: OwnedFd,
    functions: RefCell<Functions>,
    /// `None` when what the worker has left is settled.
    feeder: RefCell<Option<Feeder>>,
}

impl Rig {
    /// A lane without tasks.
    ///
    /// # Errors
    ///
    /// When the system has no memory or no socket for it.
    pub fn new() -> Result<Rig, PoolError> {
        let lane = Lane::new(Bell::new()?)?;
        let (mine, theirs) = Packets::pair().map_err(PoolError::io("making a socket"))?;
        let feeder = RefCell::new(Some(Feeder::new(lane.clone(), mine)));
        Ok(Rig { lane, theirs: theirs.into(), functions: RefCell::default(), feeder })
    }

    /// Hands over calls in tasks of `chunk`. There must be room.
    pub fn give<F, A>(&self, function: F, calls: Vec<A>, chunk: usize) -> Job<F::Output>
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        let definition = self.functions.borrow_mut().define::<F, A>(function);
        let (job, count, options) = (Batch::new(), calls.len(), Options::default());
        let work = Work { function, calls, first: 0, chunk, options, outcomes: job.clone() };
        pack(work, definition).into_iter().for_each(|task| self.put(task));
        self.lane.wake_worker();
        Job { batch: job, count }
    }

    fn feeder(&self) -> RefMut<'_, Feeder> {
        RefMut::map(self.feeder.borrow_mut(), |it| {
            it.as_mut().expect("the worker was not replaced")
        })
    }

    fn put(&self, task: Task) {
        match self.feeder().put(task) {
            Put::Done => {}
            Put::Full(_) => panic!("there is no room in the lane"),
            Put::Failed(_, error) => panic!("{error}"),
        }
    }

    /// Cancels the task that was handed over last, if it has not been begun.
    pub fn cancel_last(&self) -> bool {
        let task = self.feeder().take_back(|_| true);
        task.inspect(|task| task.fail(0, &TaskError::Cancelled)).is_some()
    }

    /// Tells the worker to go when it has nothing to do.
    pub fn order_to_leave(&self) {
        self.lane.order_to_leave();
    }

    /// The worker's end.
    ///
    /// # Panics
    ///
    /// When the system refuses what a worker needs.
    #[must_use]
    pub fn worker(&self) -> Server {
        let socket = self.theirs.try_clone().expect("a descriptor more");
        let socket = Packets::try_from(socket).expect("it is a socket");
        let origin = Origin::here().expect("a system that notices forks");
        Server(Worker::new(Rc::new(self.lane.clone()), socket, origin))
    }

    /// Puts what the worker has written into the outcomes.
    ///
    /// # Panics
    ///
    /// When that makes no sense.
    pub fn collect(&self) {
        let collected = self.feeder().collect(&mut Harvest::default());
        collected.expect("the lane has records only");
    }

    /// Settles what a worker leaves that has died: the call that it was in fails, and others make
    /// the rest, in this process.
    ///
    /// # Panics
    ///
    /// As [`collect`](Rig::collect), and when there is no other lane.
    pub fn replace(&self) {
        self.collect();
        let Leftovers { running, untouched } =
            self.feeder.take().expect("it is replaced once").abandon();
        if let Some((task, _)) = running {
            task.fail(0, &TaskError::Terminated);
        }
        for mut task in untouched {
            while task.calls > 1 {
                let (first, rest) = task.split(1);
                Rig::make(first);
                task = rest;
            }
            Rig::make(task);
        }
    }

    /// Has a worker make one call, whose value surely has room.
    fn make(task: Task) {
        let rig = Rig::new().expect("another lane");
        rig.put(task);
        rig.order_to_leave();
        rig.worker().serve();
        rig.collect();
    }
}

/// A worker before its first task.
pub struct Server(Worker);

impl Server {
    /// Works until it is told to leave.
    pub fn serve(mut self) {
        self.0.work();
    }
}

/// Calls that were handed over.
pub struct Job<R> {
    batch: Arc<Batch<R>>,
    count: usize,
}

impl<R: Data> Job<R> {
    /// What each call has come to: `None` if nothing has come of it.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Option<Result<R, TaskError>>> {
        let mut arrivals = Arrivals::default();
        self.batch.wake();
        self.batch.collect(self.count as u64, Some(Instant::now()), &mut arrivals);
        let mut outcomes: Vec<_> = (0..self.count).map(|_| None).collect();
        arrivals.drain(|index, result| {
            let before = outcomes[index as usize].replace(result);
            assert!(before.is_none(), "call {index} has come to two things");
        });
        outcomes
    }
}

impl fmt::Debug for Rig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rig").field("lane", &self.lane).finish_non_exhaustive()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Job<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Job").field("calls", &self.count).finish_non_exhaustive()
    }
}
