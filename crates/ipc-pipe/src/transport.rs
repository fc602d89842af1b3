//! How the bytes of whole messages get from one end to the other.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::frame::{self, Header, INLINE, Kind};
use crate::incoming::{Incoming, MAX_DESCRIPTORS};
use crate::stream::Stream;
use crate::sys::DESCRIPTORS_PER_PACKET;

/// What a connection stands on; its two halves hold one each, over the same socket.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Frames as they are.
    Plain(Arc<Stream>),
}

impl Transport {
    /// Frames over this socket.
    pub(crate) fn plain(socket: OwnedFd) -> Transport {
        Transport::Plain(Arc::new(Stream::new(socket)))
    }

    /// The transport for the other half.
    pub(crate) fn other_half(&self) -> Transport {
        match self {
            Transport::Plain(stream) => Transport::Plain(Arc::clone(stream)),
        }
    }

    /// True if descriptors can ride beside the bytes.
    pub(crate) fn carries_descriptors(&self) -> bool {
        match self {
            Transport::Plain(stream) => stream.carries_descriptors(),
        }
    }

    /// Sends one message.
    pub(crate) fn send(
        &mut self,
        body: &[u8],
        descriptors: &[OwnedFd],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        match self {
            Transport::Plain(stream) => send_plain(stream, body, descriptors, deadline),
        }
    }

    /// Receives the rest of one message, whose bytes are then in `incoming`.
    pub(crate) fn receive(
        &mut self,
        incoming: &mut Incoming,
        deadline: Deadline,
    ) -> Result<Vec<OwnedFd>, RecvError> {
        match self {
            Transport::Plain(stream) => incoming.receive(stream, deadline),
        }
    }

    /// Receives the rest of one message into `buffer`.
    pub(crate) fn receive_into(
        &mut self,
        incoming: &mut Incoming,
        buffer: &mut [u8],
        deadline: Deadline,
    ) -> Result<usize, RecvError> {
        match self {
            Transport::Plain(stream) => incoming.receive_into(stream, buffer, deadline),
        }
    }

    /// The stream, which another process could go on with.
    pub(crate) fn as_plain(&self) -> Option<&Arc<Stream>> {
        match self {
            Transport::Plain(stream) => Some(stream),
        }
    }

    pub(crate) fn stream(&self) -> &Stream {
        match self {
            Transport::Plain(stream) => stream,
        }
    }
}

impl AsFd for Transport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream().as_fd()
    }
}

fn send_plain(
    stream: &Stream,
    body: &[u8],
    descriptors: &[OwnedFd],
    deadline: Deadline,
) -> Result<(), SendError> {
    let mut header = Header::new(Kind::Data, body.len());
    if descriptors.is_empty() {
        return write_frame(stream, header, body, &[], deadline);
    }
    if descriptors.len() > MAX_DESCRIPTORS || !stream.carries_descriptors() {
        return Err(SendError::NoDescriptors);
    }
    let first = descriptors.len().saturating_sub(DESCRIPTORS_PER_PACKET);
    let (ahead, last) = descriptors.split_at(first);
    for some in ahead.chunks(DESCRIPTORS_PER_PACKET) {
        write_frame(stream, Header::new(Kind::Descriptors, 0), &[], some, deadline)?;
    }
    header.descriptors = u32::try_from(descriptors.len()).unwrap_or(u32::MAX);
    write_frame(stream, header, body, last, deadline)
}

/// Writes a frame: short ones in one piece, long ones gathered from where they are.
fn write_frame(
    stream: &Stream,
    header: Header,
    body: &[u8],
    descriptors: &[OwnedFd],
    deadline: Deadline,
) -> Result<(), SendError> {
    if body.len() <= INLINE {
        let frame = frame::short(header, body);
        return stream.write(&mut [IoSlice::new(&frame)], descriptors, deadline);
    }
    let header = header.to_bytes();
    let mut parts = [IoSlice::new(&header), IoSlice::new(body)];
    stream.write(&mut parts, descriptors, deadline)
}
