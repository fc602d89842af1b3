//! The life of a worker process.

use std::any::Any;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use ipc_pipe::{Handle, Message, Packets, RecvError};
use procspawn_core::{catch_panic, ignore_interrupts};
use serde::{Deserialize, Serialize};
use sync_primitives::Origin;

use crate::TaskError;
use crate::callee::{Callee, missing};
use crate::lane::{Found, Lane, Phase, Sleeper, Slot, now};
use crate::parcel::{Errand, Inbound, Outbound};
use crate::prepare::{leave_copy, pin, prepare};
use crate::record::{self, Failure};
use crate::records::Records;
use crate::task::calls_of;
use crate::{context, trace};

/// What tasks are given besides their arguments.
pub(crate) type Payload = Arc<dyn Any + Send + Sync>;

/// All that a worker is given at its start.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seat {
    pub(crate) id: usize,
    pub(crate) lane: Lane,
    pub(crate) socket: Handle<OwnedFd>,
    pub(crate) duties: Duties,
}

/// What is the same for all workers of a pool.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Duties {
    /// The processors that it runs on; all if there are none.
    pub(crate) cpus: Vec<usize>,
    pub(crate) payload: Option<Errand<Payload>>,
    pub(crate) initializer: Option<Errand<Box<dyn Any>>>,
    pub(crate) exit: Option<Errand<Message>>,
}

/// A worker at work.
pub(crate) struct Worker {
    lane: Rc<Lane>,
    socket: Packets,
    functions: Vec<Option<Box<dyn Callee>>>,
    records: Records,
    position: u64,
    arguments: Vec<u8>,
    /// When the last task ended, how long all took, and how long was waited for them.
    last: u64,
    worked: u64,
    waited: u64,
    origin: Origin,
}

/// Takes tasks until it is told to leave; gives what the exit function gives.
pub(crate) fn serve(seat: Seat) -> Option<Result<Message, TaskError>> {
    ignore_interrupts();
    let Seat { id, lane, socket, duties } = seat;
    let Duties { cpus, payload, initializer, exit } = duties;
    let lane = Rc::new(lane);
    let socket = Packets::try_from(socket.into_inner()).ok()?;
    let origin = Origin::here().map_err(|error| TaskError::Invalid(error.to_string()));
    let prepared = pin(&cpus).and_then(|()| prepare(id, &lane, payload, initializer));
    if let Ok(origin) = origin {
        leave_copy(origin);
    }
    let origin = match prepared.and(origin) {
        Ok(origin) => origin,
        Err(error) => {
            // If it cannot be sent, the phase says enough.
            let _ = socket.send(&Outbound::NotReady(error));
            lane.set_phase(Phase::Failed);
            lane.bell().wake(Sleeper::Supervisor);
            return None;
        }
    };
    lane.set_phase(Phase::Ready);
    lane.bell().wake(Sleeper::Supervisor);
    Worker::new(lane, socket, origin).work();
    let exit = exit.map(|exit| catch_panic(|| exit.run()).map_err(record::panicked)?);
    leave_copy(origin);
    context::leave();
    exit
}

impl Worker {
    pub(crate) fn new(lane: Rc<Lane>, socket: Packets, origin: Origin) -> Worker {
        Worker {
            records: Records::new(lane.clone()),
            lane,
            socket,
            functions: Vec::new(),
            position: 0,
            arguments: Vec::new(),
            last: now(),
            worked: 0,
            waited: 0,
            origin,
        }
    }

    pub(crate) fn work(&mut self) {
        loop {
            match self.lane.claim(self.position) {
                Found::Task(slot) => match self.run(slot) {
                    Ok(()) => self.position += 1,
                    // The pool is gone, or a task has closed the socket.
                    Err(RecvError::Disconnected | RecvError::Io(_)) => return,
                    // Another worker would fare no better, so the task ends with it; as for what is
                    // in the socket, nobody can tell any more.
                    Err(error) => return self.refuse(slot, &error),
                },
                Found::Revoked => {
                    self.pass();
                    self.position += 1;
                }
                Found::Nothing if self.lane.is_to_leave() => return,
                Found::Nothing => self.wait(),
            }
        }
    }

    /// Needs nothing more that stands at this position. The pool uses it again when it also has all
    /// records of the task.
    fn pass(&self) {
        self.lane.pass(self.position + 1);
    }

    /// Waits for the next task.
    fn wait(&mut self) {
        // Always, as the pool may have taken tasks back that were to come, and wait for the room.
        self.records.ring(self.last, true);
        if self.lane.spin_for_task(self.position) {
            return;
        }
        // What a task has printed without an end of line would be seen at the next one otherwise.
        let _ = std::io::stdout().flush();
        if rustix::io::fcntl_getfd(&self.socket).is_err() {
            // A task has closed all descriptors. That which ties this process to its parent is gone
            // with them, so it must not stay.
            std::process::exit(1);
        }
        self.lane.wait_for_task(self.position);
        let now = now();
        self.waited += now - self.last;
        self.last = now;
        self.lane.note_times(self.worked, self.waited);
    }

    /// Makes the calls of a task.
    fn run(&mut self, slot: Slot) -> Result<(), RecvError> {
        let long = if slot.by_socket { Some(self.fetch_arguments()?) } else { None };
        while self.functions.get(slot.function as usize).is_none_or(Option::is_none) {
            self.fetch()?;
        }
        trace::within(slot.span, slot.function, slot.calls, || match long {
            Some(message) => self.call_long(slot, message),
            None => self.call_each(slot),
        });
        self.records.ring(self.last, false);
        Ok(())
    }

    /// Ends a task whose function or arguments could not be received.
    fn refuse(&mut self, slot: Slot, error: &RecvError) {
        let mut arguments = Vec::new();
        if !slot.by_socket {
            self.lane.read_arguments(slot, &mut arguments);
        }
        let mut calls = calls_of(&arguments);
        for call in 0..slot.calls {
            let was_given_up = matches!(calls.next(), Some(None));
            let failure = Err(Failure::Arguments(error.to_string()));
            self.publish(slot, call, (!was_given_up).then_some(failure));
        }
        self.records.ring(self.last, true);
    }

    fn call_each(&mut self, slot: Slot) {
        let mut arguments = std::mem::take(&mut self.arguments);
        self.lane.read_arguments(slot, &mut arguments);
        self.pass();
        let mut calls = calls_of(&arguments);
        let mut call = 0;
        while call < slot.calls {
            // One catch for all calls up to the first that panics.
            let caught = catch_panic(|| {
                for arguments in calls.by_ref() {
                    self.call_one(slot, call, arguments);
                    call += 1;
                }
            });
            match caught {
                Err(panic) => self.publish(slot, call, Some(Err(Failure::panicked(panic)))),
                // The pool writes as many as it says.
                Ok(()) if call < slot.calls => self.publish(slot, call, None),
                Ok(()) => {}
            }
            call += 1;
        }
        drop(calls);
        self.arguments = arguments;
    }

    fn call_one(&mut self, slot: Slot, call: u32, arguments: Option<&[u8]>) {
        self.lane.begin(self.position, call, slot.timed);
        let callee = self.functions[slot.function as usize].as_deref().expect("it was fetched");
        let result = arguments.map(|arguments| {
            self.records.write(|value, files| callee.call(arguments, value, files))
        });
        self.publish(slot, call, result);
    }

    fn call_long(&mut self, slot: Slot, message: Message) {
        self.pass();
        self.lane.begin(self.position, 0, slot.timed);
        let callee = self.functions[slot.function as usize].as_deref().expect("it was fetched");
        let records = &mut self.records;
        let caught =
            catch_panic(|| records.write(|value, files| callee.call_with(message, value, files)));
        let result = caught.unwrap_or_else(|panic| Err(Failure::panicked(panic)));
        self.publish(slot, 0, Some(result));
    }

    /// Shows the pool what came of a call.
    fn publish(&mut self, slot: Slot, call: u32, result: Option<Result<(), Failure>>) {
        leave_copy(self.origin);
        let took = (call + 1 == slot.calls).then(|| {
            let now = now();
            let took = now - self.last;
            self.last = now;
            self.worked += took;
            self.lane.note_times(self.worked, self.waited);
            took
        });
        self.records.publish(&self.socket, result, took);
    }

    /// Receives the arguments of the task at this position, past those of tasks that were revoked.
    fn fetch_arguments(&mut self) -> Result<Message, RecvError> {
        loop {
            if let Some((position, message)) = self.fetch()?
                && position == self.position
            {
                return Ok(message);
            }
        }
    }

    /// Receives one thing, and notes it if it is a function.
    fn fetch(&mut self) -> Result<Option<(u64, Message)>, RecvError> {
        match self.socket.recv::<Inbound<Message>>(None)? {
            Inbound::Arguments { position, arguments } => Ok(Some((position, arguments))),
            Inbound::Function { number, make, function } => {
                let number = number as usize;
                if self.functions.len() <= number {
                    self.functions.resize_with(number + 1, || None);
                }
                let callee = make.call((function,));
                self.functions[number] = Some(callee.unwrap_or_else(missing));
                Ok(None)
            }
        }
    }
}
