//! The message that is being received from a Python process, as far as it has come.
//!
//! As [`crate::incoming`], for frames of a length (4 bytes, or -1 and 8 bytes) and that many bytes.

use crate::deadline::Deadline;
use crate::error::RecvError;
use crate::stream::Stream;

/// Memory that is set aside on the word of a length alone; more only as bytes really arrive.
const TRUSTED: usize = 1 << 16;

/// More capacity than this is given back after a message.
const KEPT: usize = 1 << 20;

/// How many bytes a length has, unless they are -1 and 8 bytes follow.
const SHORT: usize = 4;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Incoming {
    stage: Stage,
    limit: u64,
    prefix: [u8; 12],
    filled: usize,
    /// Initialised memory, of which the first `have` bytes are the message.
    storage: Vec<u8>,
    have: usize,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Prefix,
    Body { len: u64 },
    Skip { left: u64, len: u64 },
    Broken,
}

impl Incoming {
    pub(super) fn new(limit: u64) -> Incoming {
        let stage = Stage::Prefix;
        Incoming { stage, limit, prefix: [0; 12], filled: 0, storage: Vec::new(), have: 0 }
    }

    pub(super) fn set_limit(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// True if a part of a message has been taken from the stream.
    pub(super) fn has_begun(&self) -> bool {
        self.filled > 0
    }

    /// Receives the rest of a message; its bytes stay in [`bytes`](Incoming::bytes) until the next.
    pub(super) fn receive(&mut self, stream: &Stream, deadline: Deadline) -> Result<(), RecvError> {
        loop {
            let moved = match self.stage {
                Stage::Prefix => self.read_prefix(stream, deadline),
                Stage::Body { len } if (self.have as u64) < len => {
                    self.read_some(stream, len, deadline)
                }
                Stage::Body { .. } => {
                    self.finish();
                    return Ok(());
                }
                Stage::Skip { left: 0, len } => {
                    self.finish();
                    return Err(RecvError::TooLong { len, limit: self.limit });
                }
                Stage::Skip { left, len } => self.skip_some(stream, left, len, deadline),
                Stage::Broken => Err(RecvError::Protocol("a message of negative length")),
            };
            moved.map_err(|error| self.ended(error))?;
        }
    }

    /// The bytes of the message that was received last.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.storage[..self.have]
    }

    /// Takes the bytes of the message that was received last.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        self.storage.truncate(self.have);
        self.have = 0;
        std::mem::take(&mut self.storage)
    }

    /// Gives memory back that one long message has left behind.
    pub(super) fn recycle(&mut self) {
        if self.storage.capacity() > KEPT {
            self.storage = Vec::new();
            self.have = 0;
        }
    }

    /// Reads the first 4 bytes of a length, or the 8 that follow them.
    fn read_prefix(&mut self, stream: &Stream, deadline: Deadline) -> Result<(), RecvError> {
        let end = if self.filled < SHORT { SHORT } else { self.prefix.len() };
        stream.fill_plain(&mut self.prefix[..end], &mut self.filled, deadline)?;
        let [a, b, c, d, long @ ..] = self.prefix;
        match i32::from_be_bytes([a, b, c, d]) {
            -1 if self.filled == SHORT => {}
            -1 => self.begin(u64::from_be_bytes(long)),
            short => match u64::try_from(short) {
                Ok(len) => self.begin(len),
                Err(_) => self.stage = Stage::Broken,
            },
        }
        Ok(())
    }

    fn begin(&mut self, len: u64) {
        self.have = 0;
        self.stage =
            if len > self.limit { Stage::Skip { left: len, len } } else { Stage::Body { len } };
    }

    /// Receives a part of the message that is as long as what has arrived already justifies.
    fn read_some(
        &mut self,
        stream: &Stream,
        len: u64,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        let missing = usize::try_from(len - self.have as u64).unwrap_or(usize::MAX);
        let end = self.have + missing.min(self.have.max(TRUSTED));
        if self.storage.len() < end {
            self.storage.reserve_exact(end - self.storage.len());
            self.storage.resize(end, 0);
        }
        stream.fill_plain(&mut self.storage[..end], &mut self.have, deadline)?;
        late((self.have as u64) < len, deadline)
    }

    fn skip_some(
        &mut self,
        stream: &Stream,
        left: u64,
        len: u64,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        let mut waste = [0; 16 * 1024];
        let end = usize::try_from(left).map_or(waste.len(), |left| left.min(waste.len()));
        let mut thrown = 0;
        let result = stream.fill_plain(&mut waste[..end], &mut thrown, deadline);
        let left = left - thrown as u64;
        self.stage = Stage::Skip { left, len };
        result?;
        late(left > 0, deadline)
    }

    /// Makes ready for the next message.
    fn finish(&mut self) {
        self.stage = Stage::Prefix;
        self.filled = 0;
    }

    /// The end of the stream means something else within a message.
    fn ended(&mut self, error: RecvError) -> RecvError {
        match error {
            RecvError::Disconnected if self.has_begun() => {
                self.finish();
                RecvError::Truncated
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
