//! How the bytes of whole messages get from one end to the other.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::frame::{self, Header, INLINE, Kind};
use crate::incoming::{Incoming, MAX_DESCRIPTORS};
#[cfg(feature = "authkey")]
use crate::noise::Keys;
#[cfg(feature = "authkey")]
use crate::sealed::{Opener, Sealer};
use crate::stream::Stream;
use crate::sys::DESCRIPTORS_PER_PACKET;

/// What a connection stands on; its two halves hold one each, over the same socket.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Frames as they are.
    Plain(Arc<Stream>),
    /// Frames that are encrypted and authenticated.
    #[cfg(feature = "authkey")]
    Sealed { stream: Arc<Stream>, sealer: Box<Sealer>, opener: Box<Opener> },
}

impl Transport {
    /// Frames over this socket.
    pub(crate) fn plain(socket: OwnedFd) -> Transport {
        Transport::Plain(Arc::new(Stream::new(socket)))
    }

    /// Encrypted frames over this socket.
    #[cfg(feature = "authkey")]
    pub(crate) fn sealed(socket: OwnedFd, keys: Keys) -> Transport {
        Transport::sealed_over(Arc::new(Stream::new(socket)), keys)
    }

    #[cfg(feature = "authkey")]
    fn sealed_over(stream: Arc<Stream>, keys: Keys) -> Transport {
        let sealer = Box::new(Sealer::new(keys.clone()));
        Transport::Sealed { stream, sealer, opener: Box::new(Opener::new(keys)) }
    }

    /// The transport for the other half, made before either is used: of two that are encrypted, one
    /// may send and the other receive.
    pub(crate) fn other_half(&self) -> Transport {
        match self {
            Transport::Plain(stream) => Transport::Plain(Arc::clone(stream)),
            #[cfg(feature = "authkey")]
            Transport::Sealed { stream, opener, .. } => {
                Transport::sealed_over(Arc::clone(stream), opener.keys())
            }
        }
    }

    /// True if descriptors can ride beside the bytes.
    pub(crate) fn carries_descriptors(&self) -> bool {
        match self {
            Transport::Plain(stream) => stream.carries_descriptors(),
            #[cfg(feature = "authkey")]
            Transport::Sealed { .. } => false,
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
            #[cfg(feature = "authkey")]
            Transport::Sealed { .. } if !descriptors.is_empty() => Err(SendError::NoDescriptors),
            #[cfg(feature = "authkey")]
            Transport::Sealed { stream, sealer, .. } => sealer.send(stream, body, deadline),
        }
    }

    /// Receives the rest of one message, whose bytes are then in `incoming`.
    pub(crate) fn receive(
        &mut self,
        incoming: &mut Incoming,
        deadline: Deadline,
    ) -> Result<Vec<OwnedFd>, RecvError> {
        match self {
            Transport::Plain(stream) => incoming.receive(&mut &**stream, deadline),
            #[cfg(feature = "authkey")]
            Transport::Sealed { stream, opener, .. } => {
                incoming.receive(&mut opener.source(stream), deadline)
            }
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
            Transport::Plain(stream) => incoming.receive_into(&mut &**stream, buffer, deadline),
            #[cfg(feature = "authkey")]
            Transport::Sealed { stream, opener, .. } => {
                incoming.receive_into(&mut opener.source(stream), buffer, deadline)
            }
        }
    }

    /// The stream, which another process could go on with.
    pub(crate) fn as_plain(&self) -> Option<&Arc<Stream>> {
        match self {
            Transport::Plain(stream) => Some(stream),
            #[cfg(feature = "authkey")]
            Transport::Sealed { .. } => None,
        }
    }

    pub(crate) fn stream(&self) -> &Stream {
        match self {
            Transport::Plain(stream) => stream,
            #[cfg(feature = "authkey")]
            Transport::Sealed { stream, .. } => stream,
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
