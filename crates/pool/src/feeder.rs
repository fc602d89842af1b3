//! The pool's end of a lane: what the worker has been handed, and what came of it.

use std::collections::VecDeque;
use std::time::Duration;

use ipc_pipe::{Message, Packets, SendError, carry};

use crate::TaskError;
use crate::functions::Definition;
use crate::harvest::Harvest;
use crate::lane::{Lane, RING, SLOTS, Slot, now};
use crate::parcel::{Inbound, Outbound};
use crate::record::{self, Header, Run};
use crate::stats::LongTask;
use crate::task::{Arguments, Task};

/// How many messages may lie in the socket unread, so that sending one never waits.
const MESSAGES: usize = 16;

/// Hands tasks to one worker, and keeps each until it knows what came of it.
pub(crate) struct Feeder {
    lane: Lane,
    socket: Packets,
    /// What stands at the positions from `base` on.
    entries: VecDeque<Entry>,
    base: u64,
    /// How many bytes of arguments were written, and how many of these are free again.
    written: u64,
    freed: u64,
    /// How many bytes of records were read.
    read: u64,
    /// Functions that the worker has been told.
    known: Vec<bool>,
    /// The positions of what lies in the socket.
    messages: VecDeque<u64>,
    /// Up to where the worker was done with the slots when that was last looked at.
    passed: u64,
    /// How many tasks it has that were not taken back.
    tasks: usize,
    /// How many of these must not run for ever.
    timed: usize,
    buffer: Vec<u8>,
    doom: Option<Doom>,
}

/// Which call the worker is killed for, and what that is to be told, whatever comes of it yet.
pub(crate) struct Doom {
    position: u64,
    call: u32,
    error: TaskError,
}

/// What stands at a position.
struct Entry {
    /// `None` if it was taken back.
    task: Option<Task>,
    /// How many of its calls have ended.
    ended: u32,
    /// Where its arguments end in their ring.
    end: u64,
}

/// What the records in a lane cannot be, and are: the worker has written where it must not.
#[derive(Debug)]
pub(crate) struct Corrupt;

impl Feeder {
    pub(crate) fn new(lane: Lane, socket: Packets) -> Feeder {
        Feeder {
            lane,
            socket,
            entries: VecDeque::new(),
            base: 0,
            written: 0,
            freed: 0,
            read: 0,
            known: Vec::new(),
            messages: VecDeque::new(),
            passed: 0,
            tasks: 0,
            timed: 0,
            buffer: Vec::new(),
            doom: None,
        }
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// How many tasks the worker has that have not ended.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks
    }

    /// Up to where the worker was done with the slots when that was last looked at.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// Hands over a task; gives it back if there is no room for it. The worker must be woken after.
    pub(crate) fn put(&mut self, task: Task) -> Put {
        self.retire();
        let position = self.base + self.entries.len() as u64;
        if self.entries.len() as u64 >= SLOTS || self.messages.len() >= MESSAGES {
            return Put::Full(task);
        }
        if let Err(error) = self.introduce(&task.function, position) {
            return Put::because(task, error);
        }
        let by_socket = matches!(task.arguments, Arguments::Message(_));
        let (offset, len) = match &task.arguments {
            Arguments::Bytes(bytes) => match self.write(bytes) {
                Some(offset) => (offset, bytes.len()),
                None => return Put::Full(task),
            },
            Arguments::Message(message) => {
                let arguments = Inbound::Arguments { position, arguments: &**message };
                if let Err(error) = self.socket.send(&arguments) {
                    return Put::because(task, error);
                }
                self.messages.push_back(position);
                (0, 0)
            }
        };
        let timed = task.options.is_timed();
        let (offset, len) = (offset as u32, len as u32);
        let slot = Slot {
            function: task.function.number(),
            calls: task.calls,
            offset,
            len,
            by_socket,
            timed,
            span: task.span,
        };
        self.entries.push_back(Entry { task: Some(task), ended: 0, end: self.written });
        self.tasks += 1;
        self.timed += usize::from(timed);
        self.lane.publish(position, slot);
        Put::Done
    }

    /// Takes back the task that was handed over last, of those that the worker has not begun and
    /// `choose` agrees to.
    pub(crate) fn take_back(&mut self, choose: impl Fn(&Task) -> bool) -> Option<Task> {
        for (index, entry) in self.entries.iter_mut().enumerate().rev() {
            if entry.task.as_ref().is_some_and(&choose)
                && self.lane.revoke(self.base + index as u64)
            {
                self.tasks -= 1;
                let task = entry.task.take();
                self.timed -= usize::from(task.as_ref().is_some_and(|it| it.options.is_timed()));
                return task;
            }
        }
        None
    }

    /// The task that the worker is in, or will begin next.
    pub(crate) fn front(&self) -> Option<&Task> {
        self.entries.iter().find_map(|entry| entry.task.as_ref())
    }

    /// Whether some call of its tasks must not run for ever.
    pub(crate) fn is_timed(&self) -> bool {
        self.timed > 0
    }

    /// The shortest time that a call may take of its tasks after the first `begun`.
    pub(crate) fn shortest_limit(&self, begun: usize) -> Option<Duration> {
        let tasks = self.entries.iter().filter_map(|entry| entry.task.as_ref()).skip(begun);
        tasks.flat_map(|task| [task.options.soft_timeout, task.options.timeout]).flatten().min()
    }

    /// The task that the worker is in, and the number of the call, if it has begun one.
    pub(crate) fn running(&self) -> Option<(&Task, u64, u32)> {
        for (index, entry) in self.entries.iter().enumerate() {
            let position = self.base + index as u64;
            if let Some(task) = &entry.task
                && self.lane.is_claimed(position)
            {
                let call = self.lane.begun(position).saturating_sub(1).max(entry.ended);
                return Some((task, position, call));
            } else if entry.task.is_some() {
                return None;
            }
        }
        None
    }

    /// Ends the call that the worker is in with an error; it is to be killed. Records must have
    /// been collected, so that the call is not over.
    pub(crate) fn doom(&mut self, position: u64, call: u32, error: TaskError) {
        self.doom = Some(Doom { position, call, error });
    }

    /// How long the call has run that the worker is in, and which that is; of timed tasks only.
    pub(crate) fn elapsed(&self) -> Option<(Duration, u64, u32)> {
        let (_, position, call) = self.running()?;
        let started = self.lane.started();
        // It may have gone on to another call in between.
        (self.lane.begun(position) == call + 1)
            .then(|| (Duration::from_nanos(now().saturating_sub(started)), position, call))
    }

    /// Puts what has come into the outcomes of its jobs, without waking those who wait.
    pub(crate) fn collect(&mut self, harvest: &mut Harvest) -> Result<(), Corrupt> {
        let written = self.lane.records_written();
        if written == self.read {
            return Ok(());
        }
        if written.wrapping_sub(self.read) > RING as u64 {
            return Err(Corrupt);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut result = Ok(());
        while self.read < written && result.is_ok() {
            let offset = self.read as usize % RING;
            let len = (RING - offset).min((written - self.read) as usize);
            buffer.resize(len, 0);
            self.lane.read_records(offset, &mut buffer);
            result = self.sort(&buffer, harvest);
            self.read += len as u64;
        }
        self.lane.free_records(self.read);
        self.buffer = buffer;
        self.retire();
        result
    }

    /// What is left when the worker has died, after all was collected: calls that it had not begun,
    /// and the one that it was in.
    pub(crate) fn abandon(mut self) -> Leftovers {
        let mut leftovers = Leftovers::default();
        for (position, entry) in (self.base..).zip(std::mem::take(&mut self.entries)) {
            let Some(task) = entry.task else { continue };
            let doom = self.doom_of(position, entry.ended).cloned();
            let in_call = self.lane.is_claimed(position) && self.lane.begun(position) > entry.ended;
            let left = task.after(entry.ended);
            if doom.as_ref().is_some_and(TaskError::is_cancelled) {
                // With its job, of which the rest is.
                leftovers.running = Some((left, doom));
            } else if left.calls > 1 && (in_call || doom.is_some()) {
                let (call, rest) = left.split(1);
                leftovers.running = Some((call, doom));
                leftovers.untouched.push(rest);
            } else if left.calls > 0 && (in_call || doom.is_some()) {
                leftovers.running = Some((left, doom));
            } else if left.calls > 0 {
                leftovers.untouched.push(left);
            }
        }
        leftovers
    }

    /// Why the worker could not be made ready.
    pub(crate) fn why_not_ready(&self) -> Option<TaskError> {
        match self.socket.try_recv::<Outbound>() {
            Ok(Outbound::NotReady(error)) => Some(error),
            _ => None,
        }
    }

    /// Gives each record to the task that it is of: runs of values at once, what is special singly.
    fn sort(&mut self, bytes: &[u8], harvest: &mut Harvest) -> Result<(), Corrupt> {
        let (mut run, mut count, mut rest) = (bytes, 0, bytes);
        while !rest.is_empty() {
            let (header, value, next) = Header::split(rest).ok_or(Corrupt)?;
            let special = header.is_pad() || self.is_special(header, value, count)?;
            if special {
                self.put_run(&run[..run.len() - rest.len()], count, harvest)?;
            }
            if header.is_pad() {
                // It is of no task.
            } else if special {
                self.put_special(header, value, harvest)?;
            } else {
                count += 1;
            }
            if let Some(took) = header.elapsed(rest) {
                if !special {
                    self.put_run(&run[..run.len() - next.len()], count, harvest)?;
                }
                self.complete(took, harvest)?;
                (run, count) = (next, 0);
            } else if special {
                (run, count) = (next, 0);
            }
            rest = next;
        }
        self.put_run(run, count, harvest)
    }

    /// Whether a record's value is elsewhere, or its call gets another attempt.
    fn is_special(&self, header: Header, value: &[u8], before: u32) -> Result<bool, Corrupt> {
        let (task, ended, position) = self.current()?;
        Ok(header.is_by_socket()
            || self.doom_of(position, ended + before).is_some()
            || header.is_failure() && tries_again(task, value))
    }

    /// What a call is to be told, whatever comes of it, if the worker is killed for it or for one
    /// before it in its task.
    fn doom_of(&self, position: u64, call: u32) -> Option<&TaskError> {
        let doom = self.doom.as_ref()?;
        (doom.position == position && doom.call <= call).then_some(&doom.error)
    }

    fn put_run(&mut self, run: &[u8], count: u32, harvest: &mut Harvest) -> Result<(), Corrupt> {
        if count == 0 {
            return Ok(());
        }
        let (task, ended, _) = self.current()?;
        if ended + count > task.calls {
            return Err(Corrupt);
        }
        task.job.put_run(Run::new(task.first + u64::from(ended), count as usize, run));
        harvest.touch(&task.job);
        harvest.calls += u64::from(count);
        *self.current_mut()? += count;
        Ok(())
    }

    fn put_special(
        &mut self,
        header: Header,
        value: &[u8],
        harvest: &mut Harvest,
    ) -> Result<(), Corrupt> {
        let (task, call, position) = self.current()?;
        let failed = header.is_failure();
        if call >= task.calls {
            return Err(Corrupt);
        }
        let message = if header.is_by_socket() {
            match self.socket.try_recv::<Outbound>() {
                Ok(Outbound::Value(message)) => Ok(message),
                Ok(Outbound::NotReady(_)) => return Err(Corrupt),
                // The record came after the message, so the message is there; there may be no room
                // for its descriptors.
                Err(error) => Err(TaskError::Value(error.to_string())),
            }
        } else {
            Ok(Message::from_bytes(value.to_vec()))
        };
        let message = match self.doom_of(position, call) {
            Some(error) => Err(error.clone()),
            None => message,
        };
        let index = task.first + u64::from(call);
        let bytes = message.as_ref().map_or(&[][..], Message::bytes);
        let again = failed && tries_again(task, bytes);
        if again {
            let mut copy = task.copy_of(call);
            copy.attempts += 1;
            harvest.again.push(copy);
        } else {
            match message {
                Ok(message) => task.job.put_message(index, failed, message),
                Err(error) => task.job.fail(index, error),
            }
            harvest.touch(&task.job);
            harvest.calls += 1;
        }
        *self.current_mut()? += 1;
        Ok(())
    }

    /// The first task has ended.
    fn complete(&mut self, took: Duration, harvest: &mut Harvest) -> Result<(), Corrupt> {
        let entry = self.entries.iter_mut().find(|entry| entry.task.is_some()).ok_or(Corrupt)?;
        let task = entry.task.take().ok_or(Corrupt)?;
        if entry.ended != task.calls {
            return Err(Corrupt);
        }
        self.tasks -= 1;
        self.timed -= usize::from(task.options.is_timed());
        task.job.took(u64::from(task.calls), took);
        harvest.took.push(took);
        if harvest.longest.has_room_for(took) {
            let (function, first, calls) = (task.function.name(), task.first, task.calls);
            harvest.longest.add(LongTask { took, function, first, calls });
        }
        Ok(())
    }

    /// The task that the next record is of, how many of its calls have ended, and its position.
    fn current(&self) -> Result<(&Task, u32, u64), Corrupt> {
        let live = (self.base..)
            .zip(&self.entries)
            .find_map(|(position, entry)| Some((entry.task.as_ref()?, entry.ended, position)));
        live.ok_or(Corrupt)
    }

    fn current_mut(&mut self) -> Result<&mut u32, Corrupt> {
        let live = self.entries.iter_mut().find(|entry| entry.task.is_some());
        live.map(|entry| &mut entry.ended).ok_or(Corrupt)
    }

    /// Lets go of positions that both sides are done with.
    fn retire(&mut self) {
        let passed = self.lane.passed();
        self.passed = passed;
        while self.base < passed && self.entries.front().is_some_and(|entry| entry.task.is_none()) {
            if let Some(entry) = self.entries.pop_front() {
                self.freed = entry.end;
            }
            self.base += 1;
        }
        while self.messages.front().is_some_and(|position| *position < passed) {
            self.messages.pop_front();
        }
    }

    /// Tells the worker of a function that it does not know.
    fn introduce(&mut self, definition: &Definition, position: u64) -> Result<(), SendError> {
        let index = definition.number() as usize;
        if self.known.get(index).copied().unwrap_or(false) {
            return Ok(());
        }
        self.socket.send(&definition.introduction()?)?;
        self.messages.push_back(position);
        self.known.resize(self.known.len().max(index + 1), false);
        self.known[index] = true;
        Ok(())
    }

    /// Writes arguments to their ring; gives where, or `None` if it has no room.
    fn write(&mut self, bytes: &[u8]) -> Option<usize> {
        let len = bytes.len().next_multiple_of(8) as u64;
        let mut begin = self.written;
        if begin as usize % RING + bytes.len() > RING {
            begin = begin.next_multiple_of(RING as u64);
        }
        if begin + len - self.freed > RING as u64 {
            return None;
        }
        let offset = begin as usize % RING;
        self.lane.write_arguments(offset, bytes);
        self.written = begin + len;
        Some(offset)
    }
}

/// Whether a call that failed so gets another attempt.
fn tries_again(task: &Task, failure: &[u8]) -> bool {
    let retry = task.options.retry;
    retry.minds_panics()
        && retry.allows(&record::failure(carry::decode(failure, Vec::new())), task.attempts)
}

/// What came of handing over a task.
pub(crate) enum Put {
    Done,
    /// There is no room at the moment.
    Full(Task),
    /// It cannot be sent.
    Failed(Task, SendError),
}

impl Put {
    fn because(task: Task, error: SendError) -> Put {
        match error {
            // The worker has ended, which the pool will hear; the task is for others.
            SendError::Disconnected => Put::Full(task),
            error => Put::Failed(task, error),
        }
    }
}

/// What a dead worker leaves.
#[derive(Default)]
pub(crate) struct Leftovers {
    /// The call that it was in, with the rest of its task if that is cancelled, and what that is to
    /// be told if the worker was killed for it.
    pub(crate) running: Option<(Task, Option<TaskError>)>,
    /// Calls that it had not begun.
    pub(crate) untouched: Vec<Task>,
}
