//! Where the bytes of frames come from: a socket as it is, or one whose bytes are encrypted.

use std::os::fd::OwnedFd;

use crate::deadline::Deadline;
use crate::error::RecvError;
use crate::frame::{self, Header, Kind, Refusal};
use crate::stream::Stream;
use crate::sys::net;

/// Bytes in order, which may come slowly. See the methods of [`Stream`] for what each does.
pub(crate) trait Source {
    fn fill(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        descriptors: &mut Vec<OwnedFd>,
        deadline: Deadline,
    ) -> Result<bool, RecvError>;

    fn fill_plain(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        deadline: Deadline,
    ) -> Result<(), RecvError>;

    fn append(&mut self, buffer: &mut Vec<u8>, deadline: Deadline) -> Result<(), RecvError>;

    /// Tells a peer that wants a handshake that there is none here.
    fn refuse_handshake(&mut self);
}

impl Source for &Stream {
    fn fill(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        descriptors: &mut Vec<OwnedFd>,
        deadline: Deadline,
    ) -> Result<bool, RecvError> {
        Stream::fill(self, buffer, filled, descriptors, deadline)
    }

    fn fill_plain(
        &mut self,
        buffer: &mut [u8],
        filled: &mut usize,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        Stream::fill_plain(self, buffer, filled, deadline)
    }

    fn append(&mut self, buffer: &mut Vec<u8>, deadline: Deadline) -> Result<(), RecvError> {
        Stream::append(self, buffer, deadline)
    }

    fn refuse_handshake(&mut self) {
        use std::os::fd::AsFd;

        let refusal = frame::short(Header::new(Kind::Refused, 1), &[Refusal::NoKeyHere as u8]);
        // A peer that does not take it finds out by its own deadline.
        let _ = net::send_now(self.as_fd(), &refusal);
    }
}
