//! The message that is being received, as far as it has come.
//!
//! Receiving is a state machine that any number of calls may move along: when time is up in the
//! middle of a message, the next call goes on where the last one stopped, and no byte is lost.
//!
//! | stage | what is known | next |
//! |---|---|---|
//! | `Head` | `filled` of 64 bytes | a header: `Carriers`, `Body`, `Skip` or `Broken` |
//! | `Carriers` | a part of the descriptors | all of them: `Body`, or too few: `Skip` |
//! | `Body` | `have` of `len` bytes | the message, and `Head` |
//! | `Skip` | bytes to throw away | the error that made it so, and `Head` |
//! | `Broken` | nothing can be trusted | the same error, for ever |
//!
//! If the stream ends, that is [`RecvError::Disconnected`] before the first byte of a frame and
//! [`RecvError::Truncated`] after it.

use std::os::fd::OwnedFd;

use crate::deadline::Deadline;
use crate::error::RecvError;
use crate::frame::{self, FRAME_MIN, Header, INLINE, Kind, Refusal};
use crate::source::Source;

/// Memory that is set aside on the word of a header alone; more only as bytes really arrive.
const TRUSTED: usize = 1 << 20;

/// More capacity than this is given back after a message.
pub(crate) const KEPT: usize = 1 << 20;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Incoming {
    stage: Stage,
    /// The longest message that is accepted, in bytes.
    limit: u64,
    head: [u8; FRAME_MIN],
    filled: usize,
    descriptors: Vec<OwnedFd>,
    /// Initialised memory, of which the first `have` bytes are the body.
    storage: Vec<u8>,
    have: usize,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Head,
    Carriers { left: u64, header: Header },
    Body { len: u64 },
    Skip { left: u64, why: Skipped },
    Broken(Broken),
}

#[derive(Clone, Copy, Debug)]
enum Skipped {
    TooLong { len: u64, limit: u64 },
    DescriptorsLost,
}

#[derive(Clone, Copy, Debug)]
enum Broken {
    Protocol(&'static str),
    Refused(&'static str),
}

impl Header {
    /// The stage that throws away what comes after the first bytes of this message, of whose
    /// carriers
    /// `left` are still to come.
    fn skipped(self, left: u64, why: Skipped) -> Stage {
        Stage::Skip { left: self.len.saturating_sub(INLINE as u64).saturating_add(left), why }
    }
}

impl Incoming {
    pub(crate) fn new() -> Incoming {
        Incoming {
            stage: Stage::Head,
            limit: u64::MAX,
            head: [0; FRAME_MIN],
            filled: 0,
            descriptors: Vec::new(),
            storage: Vec::new(),
            have: 0,
        }
    }

    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// True if a part of a message has been taken from the stream.
    pub(crate) fn has_begun(&self) -> bool {
        self.filled > 0
    }

    /// True if nothing can be received any more.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.stage, Stage::Broken(_))
    }

    /// Receives the rest of a message; its bytes stay in [`bytes`](Incoming::bytes) until the next.
    pub(crate) fn receive(
        &mut self,
        stream: &mut impl Source,
        deadline: Deadline,
    ) -> Result<Vec<OwnedFd>, RecvError> {
        let body =
            self.begin(stream, deadline).and_then(|len| self.read_body(stream, len, deadline));
        body.map_err(|error| self.ended(error))?;
        Ok(self.finish())
    }

    /// Receives the rest of a message into `buffer` and returns its length.
    pub(crate) fn receive_into(
        &mut self,
        stream: &mut impl Source,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<usize, RecvError> {
        let len = self.begin(stream, deadline).map_err(|error| self.ended(error))?;
        match usize::try_from(len) {
            Ok(len) if self.have == 0 && len <= buffer.len() => {
                self.read_directly(stream, &mut buffer[..len], deadline)
                    .map_err(|error| self.ended(error))?;
                self.finish();
                Ok(len)
            }
            _ => {
                self.receive(stream, deadline)?;
                self.hand_over(buffer)
            }
        }
    }

    /// The bytes of the message that was received last.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.storage[..self.have]
    }

    /// Takes the bytes of the message that was received last, with their memory unless that is much
    /// too large for them.
    pub(crate) fn take_bytes(&mut self) -> Vec<u8> {
        if self.storage.capacity() / 2 > self.have {
            return self.bytes().to_vec();
        }
        self.storage.truncate(self.have);
        self.have = 0;
        std::mem::take(&mut self.storage)
    }

    /// Gives memory back that one long message has left behind.
    pub(crate) fn recycle(&mut self) {
        if self.storage.capacity() > KEPT {
            self.storage = Vec::new();
            self.have = 0;
        }
    }

    fn hand_over(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        let Some(place) = buffer.get_mut(..self.have) else {
            return Err(RecvError::BufferTooShort { message: self.take_bytes() });
        };
        place.copy_from_slice(self.bytes());
        let len = place.len();
        self.recycle();
        Ok(len)
    }

    /// Moves on until the length of a message is known, all of which is still to come.
    fn begin(&mut self, stream: &mut impl Source, deadline: Deadline) -> Result<u64, RecvError> {
        loop {
            match self.stage {
                Stage::Head => self.read_head(stream, deadline)?,
                Stage::Carriers { left, header } => {
                    self.read_carrier(stream, left, header, deadline)?;
                }
                Stage::Body { len } => return Ok(len),
                Stage::Skip { left, why } => return Err(self.skip(stream, left, why, deadline)?),
                Stage::Broken(Broken::Protocol(what)) => return Err(RecvError::Protocol(what)),
                Stage::Broken(Broken::Refused(why)) => return Err(RecvError::Refused(why)),
            }
        }
    }

    fn read_head(&mut self, stream: &mut impl Source, deadline: Deadline) -> Result<(), RecvError> {
        stream.fill_plain(&mut self.head, &mut self.filled, deadline)?;
        match frame::open(&self.head) {
            Ok((header, inline)) => {
                if header.kind == Kind::Handshake {
                    stream.refuse_handshake();
                }
                self.stage = self.stage_after(header, inline.first().copied());
            }
            Err(RecvError::Protocol(what)) => self.stage = Stage::Broken(Broken::Protocol(what)),
            Err(other) => return Err(other),
        }
        Ok(())
    }

    fn stage_after(&mut self, header: Header, first: Option<u8>) -> Stage {
        match header.kind {
            Kind::Data => self.stage_of_message(header),
            Kind::Refused => Stage::Broken(Broken::Refused(Refusal::text(first.unwrap_or(0)))),
            Kind::Handshake => {
                Stage::Broken(Broken::Protocol("the other end uses an authkey, this end does not"))
            }
        }
    }

    fn stage_of_message(&mut self, header: Header) -> Stage {
        self.have = 0;
        let (left, len) = (header.carriers(), header.len);
        if len > self.limit {
            header.skipped(left, Skipped::TooLong { len, limit: self.limit })
        } else if left > 0 {
            Stage::Carriers { left, header }
        } else {
            Stage::Body { len }
        }
    }

    /// Receives the byte that carries the next descriptors.
    fn read_carrier(
        &mut self,
        stream: &mut impl Source,
        left: u64,
        header: Header,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        let lost = stream.fill(&mut [0], &mut 0, &mut self.descriptors, deadline)?;
        let left = left - 1;
        let complete = self.descriptors.len() as u64 == u64::from(header.descriptors);
        self.stage = if lost || (left == 0 && !complete) {
            header.skipped(left, Skipped::DescriptorsLost)
        } else if left > 0 {
            Stage::Carriers { left, header }
        } else {
            Stage::Body { len: header.len }
        };
        Ok(())
    }

    /// Throws the rest of a message away and returns why.
    fn skip(
        &mut self,
        stream: &mut impl Source,
        mut left: u64,
        why: Skipped,
        deadline: Deadline,
    ) -> Result<RecvError, RecvError> {
        let mut waste = [0; 16 * 1024];
        self.descriptors.clear();
        while left > 0 {
            let wanted = usize::try_from(left).map_or(waste.len(), |left| left.min(waste.len()));
            let mut thrown = 0;
            let result = stream.fill_plain(&mut waste[..wanted], &mut thrown, deadline);
            left -= thrown as u64;
            self.stage = Stage::Skip { left, why };
            result?;
            late(left > 0, deadline)?;
        }
        self.finish();
        Ok(match why {
            Skipped::TooLong { len, limit } => RecvError::TooLong { len, limit },
            Skipped::DescriptorsLost => RecvError::DescriptorsLost,
        })
    }

    fn read_body(
        &mut self,
        stream: &mut impl Source,
        len: u64,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        if self.have == 0 {
            self.store_inline(len);
        }
        while (self.have as u64) < len {
            let missing = usize::try_from(len - self.have as u64).unwrap_or(usize::MAX);
            self.read_some(stream, missing, deadline)?;
            late((self.have as u64) < len, deadline)?;
        }
        Ok(())
    }

    fn store_inline(&mut self, len: u64) {
        let inline = usize::try_from(len).map_or(INLINE, |len| len.min(INLINE));
        if self.storage.len() < inline {
            self.storage.resize(inline, 0);
        }
        self.storage[..inline].copy_from_slice(&self.head[FRAME_MIN - INLINE..][..inline]);
        self.have = inline;
    }

    /// Receives at most `missing` bytes: into memory that an earlier message has left, or else into
    /// new memory, without clearing it first if that can be had in the right size.
    fn read_some(
        &mut self,
        stream: &mut impl Source,
        missing: usize,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        let left_over = missing.min(self.storage.len() - self.have);
        if left_over > 0 {
            let end = self.have + left_over;
            return stream.fill_plain(&mut self.storage[..end], &mut self.have, deadline);
        }
        let step = missing.min(self.have.max(TRUSTED));
        self.storage.reserve_exact(step);
        if self.storage.capacity() - self.have > missing {
            self.storage.resize(self.have + step, 0);
            return Ok(());
        }
        stream.append(&mut self.storage, deadline)?;
        self.have = self.storage.len();
        Ok(())
    }

    fn read_directly(
        &mut self,
        stream: &mut impl Source,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        let mut filled = buffer.len().min(INLINE);
        buffer[..filled].copy_from_slice(&self.head[FRAME_MIN - INLINE..][..filled]);
        let result = stream.fill_plain(buffer, &mut filled, deadline);
        if result.is_err() {
            self.storage.clear();
            self.storage.extend_from_slice(&buffer[..filled]);
            self.have = filled;
        }
        result
    }

    /// Makes ready for the next message and hands out the descriptors of this one.
    fn finish(&mut self) -> Vec<OwnedFd> {
        self.stage = Stage::Head;
        self.filled = 0;
        std::mem::take(&mut self.descriptors)
    }

    /// The end of the stream means something else within a message.
    fn ended(&mut self, error: RecvError) -> RecvError {
        match error {
            RecvError::Disconnected => {
                let within = self.filled > 0;
                self.finish();
                if within { RecvError::Truncated } else { RecvError::Disconnected }
            }
            RecvError::Truncated => {
                self.finish();
                error
            }
            RecvError::Protocol(what) => {
                self.stage = Stage::Broken(Broken::Protocol(what));
                error
            }
            other => other,
        }
    }
}

/// An error if time is up before everything is there. A writer that never pauses must not keep a
/// reader beyond its deadline.
fn late(unfinished: bool, deadline: Deadline) -> Result<(), RecvError> {
    if unfinished && deadline.is_past() { Err(RecvError::TimedOut) } else { Ok(()) }
}
