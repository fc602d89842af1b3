//! What a worker writes for each call that it has done.
//!
//! A record is a header of eight bytes, in the last one of a task eight more for how long the task
//! took, and the encoded value or failure, up to a multiple of eight bytes. A pad fills the end of
//! the ring where the next record does not fit.

use std::time::Duration;

use ipc_pipe::{Message, carry};
use procspawn_core::Panic;
use serde::{Deserialize, Serialize};

use crate::{Data, TaskError};

pub(crate) const HEADER: usize = 8;
/// How long the last header of a task is.
pub(crate) const LAST_HEADER: usize = 16;

const FAILED: u8 = 1;
const PAD: u8 = 2;
/// The element could not be encoded, which its handle has been told before.
const SKIPPED: u8 = 4;
/// The value lies in the worker's socket.
const FREIGHT: u8 = 8;
const LAST: u8 = 16;

/// What stands before a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    len: u32,
    flags: u8,
}

/// Why a worker has no value for a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Failure {
    Panicked { message: String, location: String, backtrace: Option<String> },
    Arguments(String),
    Value(String),
}

impl Failure {
    pub(crate) fn panicked(panic: Panic) -> Failure {
        let Panic { message, location, backtrace, .. } = panic;
        Failure::Panicked { message, location, backtrace }
    }
}

impl Header {
    pub(crate) fn value(len: usize) -> Header {
        Header { len: fits(len), flags: 0 }
    }

    /// The same, of a failure.
    pub(crate) fn failure(self) -> Header {
        Header { flags: self.flags | FAILED, ..self }
    }

    pub(crate) fn skipped() -> Header {
        Header { len: 0, flags: SKIPPED }
    }

    pub(crate) fn pad(len: usize) -> Header {
        Header { len: fits(len), flags: PAD }
    }

    /// The same without its value, which goes by the socket.
    pub(crate) fn by_socket(self) -> Header {
        Header { len: 0, flags: self.flags | FREIGHT }
    }

    pub(crate) fn last(self) -> Header {
        Header { flags: self.flags | LAST, ..self }
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&self.len.to_le_bytes());
        bytes[4] = self.flags;
        bytes
    }

    /// The record that `bytes` begin with: its header, its value, and the bytes after it; `None` if
    /// they are no record, which no worker writes that is sound.
    pub(crate) fn split(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
        let header: [u8; HEADER] = bytes.get(..HEADER)?.try_into().ok()?;
        let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let header = Header { len, flags: header[4] };
        let value = bytes.get(header.head()..)?.get(..len as usize)?;
        let rest = bytes.get(header.whole()..)?;
        Some((header, value, rest))
    }

    pub(crate) fn is_pad(self) -> bool {
        self.flags & PAD != 0
    }

    pub(crate) fn is_skipped(self) -> bool {
        self.flags & SKIPPED != 0
    }

    pub(crate) fn is_failure(self) -> bool {
        self.flags & FAILED != 0
    }

    pub(crate) fn is_by_socket(self) -> bool {
        self.flags & FREIGHT != 0
    }

    /// How long the task took, in its last record.
    pub(crate) fn elapsed(self, record: &[u8]) -> Option<Duration> {
        if self.flags & LAST == 0 {
            return None;
        }
        let bytes: [u8; 8] = record.get(HEADER..LAST_HEADER)?.try_into().ok()?;
        Some(Duration::from_nanos(u64::from_le_bytes(bytes)))
    }

    /// How many bytes stand before the value.
    pub(crate) fn head(self) -> usize {
        if self.flags & LAST == 0 { HEADER } else { LAST_HEADER }
    }

    /// How many bytes the record takes.
    pub(crate) fn whole(self) -> usize {
        self.head() + (self.len as usize).next_multiple_of(8)
    }
}

/// Records of consecutive calls of one job.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    first: u64,
    count: usize,
    records: &'a [u8],
}

impl<'a> Run<'a> {
    pub(crate) fn new(first: u64, count: usize, records: &'a [u8]) -> Run<'a> {
        Run { first, count, records }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.records
    }

    pub(crate) fn iter(self) -> Records<'a> {
        Records(self)
    }
}

/// Each call's index, header and value.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a>(Run<'a>);

impl<'a> Iterator for Records<'a> {
    type Item = (u64, Header, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let run = &mut self.0;
        let (header, value, rest) = Header::split(run.records)?;
        let index = run.first;
        run.count = run.count.checked_sub(1)?;
        run.first += 1;
        run.records = rest;
        Some((index, header, value))
    }
}

/// The value that a record has, or why there is none.
pub(crate) fn outcome<R: Data>(header: Header, bytes: &[u8]) -> Result<R, TaskError> {
    if header.is_failure() {
        return Err(failure(carry::decode(bytes, Vec::new())));
    }
    carry::decode(bytes, Vec::new()).map_err(|error| TaskError::Value(error.to_string()))
}

/// What a worker said of a failure, if that can be read.
pub(crate) fn failure(failure: Result<Failure, ipc_pipe::DecodeError>) -> TaskError {
    match failure {
        Ok(Failure::Panicked { message, location, backtrace }) => {
            TaskError::Panicked { message, location, backtrace }
        }
        Ok(Failure::Arguments(why)) => TaskError::Arguments(why),
        Ok(Failure::Value(why)) => TaskError::EncodeValue(why),
        Err(error) => TaskError::Value(error.to_string()),
    }
}

/// Values that are this long go by the socket.
fn fits(len: usize) -> u32 {
    u32::try_from(len).expect("a record is shorter than its ring")
}

/// The same of a value that came by the socket.
pub(crate) fn of_message<R: Data>(failed: bool, message: Message) -> Result<R, TaskError> {
    if failed {
        return Err(failure(message.decode()));
    }
    message.decode().map_err(|error| TaskError::Value(error.to_string()))
}

/// A panic that was caught, as an error.
pub(crate) fn panicked(panic: Panic) -> TaskError {
    let Panic { message, location, backtrace, .. } = panic;
    TaskError::Panicked { message, location, backtrace }
}
