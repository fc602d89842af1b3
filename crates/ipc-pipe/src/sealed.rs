//! Frames in encrypted and authenticated records, for networks.
//!
//! Each message is a run of records; the first holds the first 64 bytes of its frame, which say how
//! long the message is, and the others the rest of the body:
//!
//! ```text
//! | length of what follows, 2 bytes | up to 65,519 bytes, encrypted | tag, 16 bytes |
//! ```
//!
//! A record is opened with the number that its place in the stream gives it, and with the key of
//! its direction. What a relay can do to the stream therefore ends as follows:
//!
//! | what | how it ends |
//! |---|---|
//! | change a byte, a length too | the tag does not fit: [`RecvError::Protocol`] |
//! | inject, drop, repeat, reorder records | the number does not fit, so neither does the tag |
//! | send a record back to its sender | the key does not fit |
//! | cut the stream within a message | [`RecvError::Truncated`] |
//! | cut the stream between two messages | [`RecvError::Disconnected`], as if the peer had died |
//!
//! After the first record that does not fit nothing is accepted any more (see
//! [`Incoming`](crate::incoming::Incoming)). A number is used for one
//! record only: it counts as used as soon as a byte of the record may be on its way.

use std::io::{self, IoSlice};
use std::os::fd::OwnedFd;

use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::frame::{self, FRAME_MIN, Header, INLINE, Kind};
use crate::noise::{FIRST_NUMBER, Keys, TAG};
use crate::source::Source;
use crate::stream::Stream;

/// The longest contents of a record.
const CONTENTS_MAX: usize = 65_535 - TAG;

/// The length that precedes each record.
const PREFIX: usize = 2;

const FORGED: RecvError = RecvError::Protocol("an encrypted record was changed on its way");

/// Encrypts what one end sends.
#[derive(Debug)]
pub(crate) struct Sealer {
    keys: Keys,
    number: u64,
    records: Vec<u8>,
    /// A forked process has the same numbers, and must not use them for other contents.
    process: u32,
}

/// Decrypts what one end receives.
#[derive(Debug)]
pub(crate) struct Opener {
    keys: Keys,
    number: u64,
    /// A record and how much of it has arrived.
    record: Vec<u8>,
    arrived: usize,
    /// What of the last record has not been taken yet.
    contents: Vec<u8>,
    taken: usize,
}

impl Sealer {
    pub(crate) fn new(keys: Keys) -> Sealer {
        let process = std::process::id();
        Sealer { keys, number: FIRST_NUMBER, records: Vec::new(), process }
    }

    /// Sends one message.
    pub(crate) fn send(
        &mut self,
        stream: &Stream,
        body: &[u8],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        if self.process != std::process::id() {
            let why = "an encrypted connection belongs to the process that made it";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why).into());
        }
        let (inline, rest) = body.split_at(body.len().min(INLINE));
        let head = frame::short(Header::new(Kind::Data, body.len()), inline);
        let mut chunks = rest.chunks(CONTENTS_MAX);

        let first_number = self.number;
        self.records.clear();
        self.seal(&head)?;
        chunks.next().map_or(Ok(()), |chunk| self.seal(chunk))?;
        let sent = stream.write(&mut [IoSlice::new(&self.records)], &[], deadline);
        if let Err(SendError::TimedOut) = sent {
            // Not a byte is on its way, so the numbers are free again.
            self.number = first_number;
        }
        sent?;
        chunks.try_for_each(|chunk| {
            self.records.clear();
            self.seal(chunk)?;
            stream.go_on_writing(&mut [IoSlice::new(&self.records)], &[], deadline)
        })
    }

    /// Appends one record.
    fn seal(&mut self, contents: &[u8]) -> Result<(), SendError> {
        let sealed_len = contents.len() + TAG;
        let prefix = u16::try_from(sealed_len).map_err(|_| exhausted())?;
        self.records.extend_from_slice(&prefix.to_le_bytes());
        let start = self.records.len();
        self.records.resize(start + sealed_len, 0);
        self.keys.seal(self.number, contents, &mut self.records[start..]).ok_or_else(exhausted)?;
        self.number += 1;
        Ok(())
    }
}

#[cold]
fn exhausted() -> SendError {
    io::Error::other("the record cannot be encrypted").into()
}

impl Opener {
    pub(crate) fn new(keys: Keys) -> Opener {
        Opener {
            keys,
            number: FIRST_NUMBER,
            record: vec![0; PREFIX],
            arrived: 0,
            contents: Vec::new(),
            taken: 0,
        }
    }

    pub(crate) fn keys(&self) -> Keys {
        self.keys.clone()
    }

    /// The decrypted bytes of `stream`.
    pub(crate) fn source<'a>(&'a mut self, stream: &'a Stream) -> Opened<'a> {
        Opened { opener: self, stream }
    }

    /// What can be taken, after waiting for some.
    fn available(&mut self, stream: &Stream, deadline: Deadline) -> Result<&[u8], RecvError> {
        while self.taken == self.contents.len() {
            self.next_record(stream, deadline)?;
        }
        Ok(&self.contents[self.taken..])
    }

    fn next_record(&mut self, stream: &Stream, deadline: Deadline) -> Result<(), RecvError> {
        self.receive(stream, PREFIX, deadline)?;
        let sealed_len = usize::from(u16::from_le_bytes([self.record[0], self.record[1]]));
        if sealed_len <= TAG {
            return Err(FORGED);
        }
        self.receive(stream, PREFIX + sealed_len, deadline)?;
        self.arrived = 0;
        self.taken = 0;
        self.contents.resize(sealed_len - TAG, 0);
        let sealed = &self.record[PREFIX..PREFIX + sealed_len];
        let opened = self.keys.open(self.number, sealed, &mut self.contents);
        self.number += 1;
        opened.ok_or_else(|| {
            self.contents.clear();
            FORGED
        })
    }

    /// Receives the record up to `end`.
    fn receive(
        &mut self,
        stream: &Stream,
        end: usize,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        if self.record.len() < end {
            self.record.resize(end, 0);
        }
        let end = end.max(self.arrived);
        let result = stream.fill_plain(&mut self.record[..end], &mut self.arrived, deadline);
        result.map_err(|error| match error {
            RecvError::Disconnected if std::mem::take(&mut self.arrived) > 0 => {
                RecvError::Truncated
            }
            other => other,
        })
    }
}

/// Decrypted bytes as a source of frames.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    opener: &'a mut Opener,
    stream: &'a Stream,
}

impl Source for Opened<'_> {
    fn fill(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        _: &mut Vec<OwnedFd>,
        deadline: Deadline,
    ) -> Result<bool, RecvError> {
        self.fill_plain(buffer, filled, deadline).map(|()| false)
    }

    fn fill_plain(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        while *filled < buffer.len() {
            let available = self.opener.available(self.stream, deadline)?;
            let len = available.len().min(buffer.len() - *filled);
            buffer[*filled..][..len].copy_from_slice(&available[..len]);
            *filled += len;
            self.opener.taken += len;
        }
        Ok(())
    }

    fn append(&mut self, buffer: &mut Vec<u8>, deadline: Deadline) -> Result<(), RecvError> {
        let room = buffer.capacity() - buffer.len();
        let available = self.opener.available(self.stream, deadline)?;
        let len = available.len().min(room);
        buffer.extend_from_slice(&available[..len]);
        self.opener.taken += len;
        Ok(())
    }

    fn refuse_handshake(&mut self) {}
}

// The first record of a message holds the least that a frame has.
const _: () = assert!(FRAME_MIN <= CONTENTS_MAX);
