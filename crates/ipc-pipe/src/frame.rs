//! How a message stands on a stream: a frame.
//!
//! ```text
//! 0       2      3          4             8             16           64
//! | magic | kind | reserved | descriptors | body length | body, or 0 | carriers | rest of the body
//! ```
//!
//! A frame has at least [`FRAME_MIN`] bytes. A reader therefore takes exactly that many in one
//! call, and the rest, if the body is longer than [`INLINE`], directly into its place. It never
//! reads ahead into the next frame: polling the raw descriptor stays exact, another process may
//! read the next message, and a connection can be sent elsewhere between two messages.
//!
//! Descriptors ride on *carriers*: bytes of their own between the first [`FRAME_MIN`] bytes and the
//! rest of the body, each with as many as the kernel takes at once
//! ([`DESCRIPTORS_PER_PACKET`]). So a message without descriptors, which nearly all are, is
//! received by the plain call instead of the slower one that can take descriptors.
//!
//! | the writer dies | what the reader gets |
//! |---|---|
//! | before the first byte of a frame | all messages before, then `Disconnected` |
//! | after it and before the last | `Truncated`, then `Disconnected` |
//! | after the last byte of a frame | that message, too, then `Disconnected` |
//!
//! The kernel takes up to 32 KiB of a frame as a whole or not at all (unix sockets), so that short
//! ones are never torn.

use crate::error::RecvError;
use crate::sys::DESCRIPTORS_PER_PACKET;

/// The length of the shortest frame, and of what a reader takes first.
pub(crate) const FRAME_MIN: usize = 64;

/// The length of a header.
pub(crate) const HEADER: usize = 16;

/// How many bytes of a body come with the first [`FRAME_MIN`] bytes.
pub(crate) const INLINE: usize = FRAME_MIN - HEADER;

/// The most descriptors that one message may have.
pub(crate) const MAX_DESCRIPTORS: usize = 1 << 14;

const MAGIC: [u8; 2] = *b"mp";

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A message.
    Data = 1,
    /// The end of the conversation: the first byte of the body is a [`Refusal`].
    Refused = 2,
    /// 48 bytes of a handshake.
    Handshake = 3,
}

/// Why one end turned the other away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[cfg_attr(not(feature = "authkey"), allow(dead_code, reason = "said during a handshake"))]
pub(crate) enum Refusal {
    WrongKey = 1,
    KeyWanted = 2,
    NoKeyHere = 3,
    TooLate = 4,
    WrongUser = 5,
}

impl Refusal {
    /// The reason in words, for the end that was turned away.
    pub(crate) fn text(code: u8) -> &'static str {
        match code {
            code if code == Refusal::WrongKey as u8 => "the authkey is not the same",
            code if code == Refusal::KeyWanted as u8 => "an authkey is needed here",
            code if code == Refusal::NoKeyHere as u8 => "no authkey is in use here",
            code if code == Refusal::TooLate as u8 => "the handshake took too long",
            code if code == Refusal::WrongUser as u8 => "the process belongs to another user",
            _ => "for a reason that this version does not know",
        }
    }
}

/// The first [`HEADER`] bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    /// How many descriptors the message has.
    pub(crate) descriptors: u32,
    /// Length of the body in bytes.
    pub(crate) len: u64,
}

impl Header {
    /// The header of a frame without descriptors.
    pub(crate) fn new(kind: Kind, len: usize) -> Header {
        Header { kind, descriptors: 0, len: len as u64 }
    }

    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..2].copy_from_slice(&MAGIC);
        bytes[2] = self.kind as u8;
        bytes[4..8].copy_from_slice(&self.descriptors.to_le_bytes());
        bytes[8..].copy_from_slice(&self.len.to_le_bytes());
        bytes
    }

    /// Takes a header apart.
    ///
    /// # Errors
    ///
    /// [`RecvError::Protocol`] for anything that [`to_bytes`](Header::to_bytes) does not produce.
    pub(crate) fn parse(bytes: &[u8; HEADER]) -> Result<Header, RecvError> {
        let [m0, m1, kind, reserved, d0, d1, d2, d3, len @ ..] = *bytes;
        if [m0, m1] != MAGIC {
            return Err(RecvError::Protocol("wrong magic number"));
        }
        if reserved != 0 {
            return Err(RecvError::Protocol("a frame of a later version"));
        }
        let kind = Kind::parse(kind)?;
        let descriptors = u32::from_le_bytes([d0, d1, d2, d3]);
        let header = Header { kind, descriptors, len: u64::from_le_bytes(len) };
        header.check_size()
    }

    /// How many carriers come after the first bytes of the frame.
    pub(crate) fn carriers(self) -> u64 {
        u64::from(self.descriptors).div_ceil(DESCRIPTORS_PER_PACKET as u64)
    }

    fn check_size(self) -> Result<Header, RecvError> {
        let possible = match self.kind {
            Kind::Data => self.descriptors as usize <= MAX_DESCRIPTORS,
            Kind::Refused => self.len == 1 && self.descriptors == 0,
            Kind::Handshake => self.len == INLINE as u64 && self.descriptors == 0,
        };
        if possible { Ok(self) } else { Err(RecvError::Protocol("a frame of impossible size")) }
    }
}

impl Kind {
    fn parse(byte: u8) -> Result<Kind, RecvError> {
        match byte {
            1 => Ok(Kind::Data),
            2 => Ok(Kind::Refused),
            3 => Ok(Kind::Handshake),
            _ => Err(RecvError::Protocol("unknown kind of frame")),
        }
    }
}

/// A whole frame with a body of at most [`INLINE`] bytes; what exceeds that is left out.
pub(crate) fn short(header: Header, body: &[u8]) -> [u8; FRAME_MIN] {
    let mut frame = [0; FRAME_MIN];
    let (head, inline) = frame.split_at_mut(HEADER);
    head.copy_from_slice(&header.to_bytes());
    for (byte, value) in inline.iter_mut().zip(body) {
        *byte = *value;
    }
    frame
}

/// The first bytes of a frame: its header and what came of its body.
pub(crate) fn open(frame: &[u8; FRAME_MIN]) -> Result<(Header, &[u8]), RecvError> {
    let (head, inline) =
        frame.split_first_chunk().ok_or(RecvError::Protocol("wrong magic number"))?;
    let header = Header::parse(head)?;
    let len = usize::try_from(header.len).map_or(INLINE, |len| len.min(INLINE));
    Ok((header, &inline[..len]))
}
