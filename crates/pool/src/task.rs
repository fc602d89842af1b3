//! Calls in the form in which they go to a worker, and come back if it dies.

use std::sync::Arc;

use ipc_pipe::{Message, carry};
use procspawn_core::{Function, catch_panic};

use crate::functions::Definition;
use crate::lane::LONGEST;
use crate::sink::Outcomes;
use crate::{Data, Options, TaskError, Work, record, trace};

/// How many bytes of arguments a task of several calls has at most, unless one call has more.
const TASK_BYTES: usize = 8 * 1024;
/// What stands in the place of the length of a call that could not be encoded.
const SKIPPED: u32 = u32::MAX;
/// How long the length before each call's arguments is.
const LENGTH: usize = 4;

/// Consecutive calls of a job that one worker makes, one after the other.
///
/// The pool keeps it until all have ended, so that nothing is lost with a worker.
pub(crate) struct Task {
    pub(crate) job: Arc<dyn Outcomes>,
    pub(crate) function: Arc<Definition>,
    /// The index of the first call.
    pub(crate) first: u64,
    pub(crate) calls: u32,
    pub(crate) arguments: Arguments,
    pub(crate) options: Options,
    /// How often it has failed.
    pub(crate) attempts: u32,
    /// The span in which it was given.
    pub(crate) span: u64,
}

pub(crate) enum Arguments {
    /// Those of each call behind their length.
    Bytes(Vec<u8>),
    /// Those of the one call, with descriptors or long.
    Message(Arc<Message>),
}

impl Task {
    /// The task without its first `calls`.
    pub(crate) fn after(mut self, calls: u32) -> Task {
        if let Arguments::Bytes(bytes) = &mut self.arguments {
            let begin = offset_of(bytes, calls);
            bytes.drain(..begin);
        }
        self.first += u64::from(calls);
        self.calls -= calls;
        self
    }

    /// The task's first `calls` alone, and the rest.
    pub(crate) fn split(mut self, calls: u32) -> (Task, Task) {
        let rest = match &mut self.arguments {
            Arguments::Bytes(bytes) => {
                let end = offset_of(bytes, calls);
                Arguments::Bytes(bytes.split_off(end))
            }
            Arguments::Message(message) => Arguments::Message(message.clone()),
        };
        let rest = Task {
            job: self.job.clone(),
            function: self.function.clone(),
            first: self.first + u64::from(calls),
            calls: self.calls - calls,
            arguments: rest,
            options: self.options,
            attempts: self.attempts,
            span: self.span,
        };
        self.calls = calls;
        (self, rest)
    }

    /// Another copy of one call, for a second attempt while the others go on.
    pub(crate) fn copy_of(&self, call: u32) -> Task {
        let arguments = match &self.arguments {
            Arguments::Bytes(bytes) => {
                let rest = &bytes[offset_of(bytes, call)..];
                Arguments::Bytes(rest[..offset_of(rest, 1)].to_vec())
            }
            Arguments::Message(message) => Arguments::Message(message.clone()),
        };
        let (job, function) = (self.job.clone(), self.function.clone());
        let (first, options) = (self.first + u64::from(call), self.options);
        Task {
            job,
            function,
            first,
            calls: 1,
            arguments,
            options,
            attempts: self.attempts,
            span: self.span,
        }
    }

    /// Ends every call from number `from` on with an error.
    pub(crate) fn fail(&self, from: u32, error: &TaskError) {
        for call in from..self.calls {
            if !self.is_skipped(call) {
                self.job.fail(self.first + u64::from(call), error.clone());
            }
        }
    }

    fn is_skipped(&self, call: u32) -> bool {
        match &self.arguments {
            Arguments::Bytes(bytes) => length_at(&bytes[offset_of(bytes, call)..]) == SKIPPED,
            Arguments::Message(_) => false,
        }
    }
}

/// The calls of a task as the worker has them: `None` for one that has been given up before.
pub(crate) fn calls_of(bytes: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = length_at(rest.get(..LENGTH)?);
        let skipped = length == SKIPPED;
        let end = LENGTH + if skipped { 0 } else { length as usize };
        let arguments = rest.get(LENGTH..end)?;
        rest = &rest[end..];
        Some((!skipped).then_some(arguments))
    })
}

fn length_at(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Where call number `calls` begins.
fn offset_of(bytes: &[u8], calls: u32) -> usize {
    let mut offset = 0;
    for _ in 0..calls {
        let length = length_at(&bytes[offset..]);
        offset += LENGTH + if length == SKIPPED { 0 } else { length as usize };
    }
    offset
}

/// Makes tasks of calls.
pub(crate) struct Packer {
    job: Arc<dyn Outcomes>,
    function: Arc<Definition>,
    options: Options,
    chunk: usize,
    /// The task that is being made.
    first: u64,
    calls: u32,
    bytes: Vec<u8>,
    /// Where the call begins that is being added.
    begin: usize,
    tasks: Vec<Task>,
}

impl Packer {
    pub(crate) fn new(
        job: Arc<dyn Outcomes>,
        function: Arc<Definition>,
        options: Options,
        chunk: usize,
        first: u64,
    ) -> Packer {
        let (bytes, tasks) = (Vec::new(), Vec::new());
        Packer { job, function, options, chunk, first, calls: 0, bytes, begin: 0, tasks }
    }

    /// Adds the next call. One that cannot be encoded has its error in the job's outcomes.
    pub(crate) fn add<A: Data>(&mut self, arguments: &A) {
        let begin = self.bytes.len();
        self.begin = begin;
        self.bytes.extend_from_slice(&[0; LENGTH]);
        let mut descriptors = Vec::new();
        let encoded = carry::encode_with_files(arguments, &mut self.bytes, &mut descriptors);
        let length = self.bytes.len() - begin - LENGTH;
        match encoded {
            Err(error) => self.skip(TaskError::EncodeArguments(error.to_string())),
            Ok(()) if descriptors.is_empty() && length <= LONGEST => {
                self.bytes[begin..begin + LENGTH].copy_from_slice(&(length as u32).to_le_bytes());
                self.calls += 1;
            }
            Ok(()) => {
                let bytes = self.bytes.split_off(begin + LENGTH);
                self.bytes.truncate(begin);
                self.seal();
                let message = Arc::new(Message::from_parts(bytes, descriptors));
                self.push(1, Arguments::Message(message));
            }
        }
        if self.calls as usize >= self.chunk || self.bytes.len() >= TASK_BYTES {
            self.seal();
        }
    }

    /// The tasks that were made.
    pub(crate) fn finish(mut self) -> Vec<Task> {
        self.seal();
        self.tasks
    }

    /// Gives up the call that is being added.
    fn skip(&mut self, error: TaskError) {
        self.bytes.truncate(self.begin);
        self.bytes.extend_from_slice(&SKIPPED.to_le_bytes());
        self.job.fail(self.first + u64::from(self.calls), error);
        self.calls += 1;
    }

    fn seal(&mut self) {
        if self.calls > 0 {
            let bytes = std::mem::take(&mut self.bytes);
            self.push(self.calls, Arguments::Bytes(bytes));
        }
    }

    fn push(&mut self, calls: u32, arguments: Arguments) {
        let (job, function, options) = (self.job.clone(), self.function.clone(), self.options);
        let first = self.first;
        self.tasks.push(Task {
            job,
            function,
            first,
            calls,
            arguments,
            options,
            attempts: 0,
            span: trace::current(),
        });
        self.first += u64::from(calls);
        self.calls = 0;
    }
}

/// Packs all calls of a work.
pub(crate) fn pack<F, A>(work: Work<F, A>, function: Arc<Definition>) -> Vec<Task>
where
    F: Function<A, Output: Data>,
    A: Data,
{
    let Work { calls, first, chunk, options, outcomes, .. } = work;
    // A call that may have to be stopped is alone, so that its worker takes no other with it.
    let chunk = if options.timeout.is_some() { 1 } else { chunk };
    let mut packer = Packer::new(outcomes, function, options, chunk, first);
    let mut calls = calls.iter();
    // One catch for all calls up to the first whose arguments panic.
    while let Err(panic) = catch_panic(|| calls.by_ref().for_each(|call| packer.add(call))) {
        packer.skip(record::panicked(panic));
    }
    packer.finish()
}
