//! How the bytes of whole messages get from one end to the other.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::frame::{self, Header, INLINE, Kind, MAX_DESCRIPTORS};
use crate::incoming::Incoming;
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
    let header = Header::new(Kind::Data, body.len());
    if !descriptors.is_empty() {
        return send_with_descriptors(stream, header, body, descriptors, deadline);
    }
    if body.len() <= INLINE {
        let frame = frame::short(header, body);
        return stream.write(&mut [IoSlice::new(&frame)], &[], deadline);
    }
    let header = header.to_bytes();
    stream.write(&mut [IoSlice::new(&header), IoSlice::new(body)], &[], deadline)
}

#[cold]
fn send_with_descriptors(
    stream: &Stream,
    mut header: Header,
    body: &[u8],
    descriptors: &[OwnedFd],
    deadline: Deadline,
) -> Result<(), SendError> {
    if descriptors.len() > MAX_DESCRIPTORS || !stream.carries_descriptors() {
        return Err(SendError::NoDescriptors);
    }
    header.descriptors = u32::try_from(descriptors.len()).unwrap_or(u32::MAX);
    let (inline, rest) = body.split_at(body.len().min(INLINE));
    let frame = frame::short(header, inline);
    stream.write(&mut [IoSlice::new(&frame)], &[], deadline)?;
    let carried = send_carriers(stream, descriptors, deadline);
    let rest = stream.go_on_writing(&mut [IoSlice::new(rest)], &[], deadline);
    carried.and(rest)
}

/// Sends the bytes that carry descriptors. If the kernel refuses those (too many may be on their
/// way), the bytes go without: the receiver sees that descriptors are lost, and the connection
/// stays good.
fn send_carriers(
    stream: &Stream,
    descriptors: &[OwnedFd],
    deadline: Deadline,
) -> Result<(), SendError> {
    let mut outcome = Ok(());
    for some in descriptors.chunks(DESCRIPTORS_PER_PACKET) {
        let carrier = &mut [IoSlice::new(&[0])];
        let sent = stream.go_on_writing(carrier, some, deadline);
        if let Err(SendError::Io(_)) = sent {
            stream.go_on_writing(&mut [IoSlice::new(&[0])], &[], deadline)?;
            outcome = sent;
        } else {
            sent?;
        }
    }
    outcome
}
