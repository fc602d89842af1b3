//! Starting workers.

use std::any::Any;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Instant;

use ipc_pipe::reactor::Watch;
use ipc_pipe::{EncodeError, Handle, Message, Packets};
use procspawn_core::{Process, StartError, StartMethod};

use crate::feeder::Feeder;
use crate::hired::Hired;
use crate::inner::Inner;
use crate::lane::{Bell, Lane, Sleeper};
use crate::parcel::Errand;
use crate::state::Phase;
use crate::worker::{self, Duties, Payload, Seat};
use crate::{PoolError, TaskError};

/// Makes the errand of one worker, whose message it consumes.
pub(crate) type MakeErrand<T> = Box<dyn Fn() -> Result<Errand<T>, EncodeError> + Send + Sync>;

/// How a pool's workers are started, and what they are given.
#[derive(Default)]
pub(crate) struct Employer {
    pub(crate) name: Option<String>,
    pub(crate) method: Option<StartMethod>,
    /// The processors of each worker, used round and round.
    pub(crate) cpus: Vec<Vec<usize>>,
    pub(crate) payload: Option<MakeErrand<Payload>>,
    pub(crate) initializer: Option<MakeErrand<Box<dyn Any>>>,
    pub(crate) exit: Option<MakeErrand<Message>>,
    /// The process has threads by now.
    threaded: AtomicBool,
}

impl Employer {
    /// Starts a worker; nobody watches it yet.
    fn start(&self, id: usize, bell: &Bell) -> Result<Hired, PoolError> {
        let since = Instant::now();
        let lane = Lane::new(bell.clone())?;
        let (mine, theirs) = Packets::pair().map_err(PoolError::io("making a socket"))?;
        let duties = self.duties(id).map_err(StartError::Encode)?;
        let socket = Handle(OwnedFd::from(theirs));
        let seat = Seat { id, lane: lane.clone(), socket, duties };
        let prefix = self.name.as_deref().unwrap_or("PoolWorker");
        let process = Process::new(worker::serve, (seat,))
            .name(format!("{prefix}-{id}"))
            .daemon(true)
            .start_method(self.method());
        let ended = Arc::new(AtomicBool::new(false));
        Ok(Hired::new(Feeder::new(lane, mine), process.start()?, ended, since))
    }

    /// From now on the process has threads, and workers cannot be forked.
    pub(crate) fn is_past_forking(&self) {
        // Relaxed: whoever starts the next worker has been told of it by other means.
        self.threaded.store(true, Ordering::Relaxed);
    }

    fn method(&self) -> StartMethod {
        match self.method.unwrap_or_else(StartMethod::current) {
            StartMethod::Fork if self.threaded.load(Ordering::Relaxed) => StartMethod::Spawn,
            method => method,
        }
    }

    fn duties(&self, id: usize) -> Result<Duties, EncodeError> {
        let cpus = id.checked_rem(self.cpus.len()).map(|index| self.cpus[index].clone());
        Ok(Duties {
            cpus: cpus.unwrap_or_default(),
            payload: self.payload.as_ref().map(|make| make()).transpose()?,
            initializer: self.initializer.as_ref().map(|make| make()).transpose()?,
            exit: self.exit.as_ref().map(|make| make()).transpose()?,
        })
    }
}

impl Inner {
    /// Starts a worker at a place where one is wanted.
    pub(crate) fn hire(&self, index: usize) -> Result<(), PoolError> {
        let started = self.employer.start(index, &self.bell);
        let mut state = self.lock();
        state.places[index].starting = false;
        let hired = started?;
        if matches!(state.phase, Phase::Over(_)) {
            // It fails only if the process has changed its user.
            let _ = hired.process.kill();
        }
        state.places[index].past.starts += 1;
        state.places[index].worker = Some(hired);
        state.change_workers();
        Ok(())
    }

    /// Has the supervisor told when the worker ends.
    ///
    /// Apart from [`hire`](Inner::hire), because it may start a thread, after which no process can
    /// be forked.
    pub(crate) fn watch(&self, index: usize) -> Result<(), PoolError> {
        let mut state = self.lock();
        let Some(worker) = &mut state.places[index].worker else { return Ok(()) };
        let notice = Notice {
            ended: worker.ended.clone(),
            attention: self.attention.clone(),
            bell: self.bell.clone(),
        };
        match Watch::new(worker.process.sentinel(), &Waker::from(Arc::new(notice))) {
            Ok(watch) => worker.watch = Some(watch),
            Err(error) => {
                // Its end would go unseen, so it must not begin.
                let _ = worker.process.kill();
                worker.process.wait();
                state.places[index].worker = None;
                state.change_workers();
                return Err(PoolError::io("watching a worker")(error));
            }
        }
        Ok(())
    }
}

/// Tells the supervisor that a worker has ended.
struct Notice {
    ended: Arc<AtomicBool>,
    attention: Arc<AtomicBool>,
    bell: Bell,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        // Release: who sees that it has ended finds it so.
        self.ended.store(true, Ordering::Release);
        self.attention.store(true, Ordering::Release);
        self.bell.wake(Sleeper::Supervisor);
    }
}

/// What a pool is told whose workers fail to start too often.
pub(crate) fn too_many(failures: usize, last: &str) -> TaskError {
    TaskError::Broken(format!("{failures} workers in a row have failed to start; the last: {last}"))
}
