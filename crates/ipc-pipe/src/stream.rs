//! A byte stream with deadlines: what connections of every kind stand on.
//!
//! Waiting is done per call (`MSG_DONTWAIT` and poll), never by `O_NONBLOCK`: that flag belongs to the
//! open file, which other processes may hold too.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{RecvFlags, SendFlags};

use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::sys;

/// A connected stream socket, of a unix or an internet address.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: OwnedFd,
}

impl Stream {
    pub(crate) fn new(socket: OwnedFd) -> Stream {
        Stream { socket }
    }

    pub(crate) fn into_socket(self) -> OwnedFd {
        self.socket
    }

    /// Fills `buffer` from position `filled` on, and moves `filled` along.
    ///
    /// After [`RecvError::TimedOut`] a further call goes on where this one stopped.
    /// Descriptors that come with the bytes are added to `descriptors`; true is returned if some were
    /// lost. The end of the stream is [`RecvError::Disconnected`], whatever has been filled.
    pub(crate) fn fill(
        &self,
        buffer: &mut [u8],
        filled: &mut usize,
        descriptors: &mut Vec<OwnedFd>,
        deadline: Deadline,
    ) -> Result<bool, RecvError> {
        let mut lost = false;
        while *filled < buffer.len() {
            let rest = &mut buffer[*filled..];
            let received = self.waiting_for_data(deadline, |flags| {
                sys::receive(self.as_fd(), rest, descriptors, flags)
            })?;
            lost |= received.descriptors_lost;
            *filled += nonzero(received.bytes)?;
        }
        Ok(lost)
    }

    /// As [`fill`](Stream::fill), for bytes with which no descriptors come.
    pub(crate) fn fill_plain(
        &self,
        buffer: &mut [u8],
        filled: &mut usize,
        deadline: Deadline,
    ) -> Result<(), RecvError> {
        while *filled < buffer.len() {
            let rest = &mut buffer[*filled..];
            let bytes = self.waiting_for_data(deadline, |flags| {
                sys::receive_plain(self.as_fd(), rest, flags)
            })?;
            *filled += nonzero(bytes)?;
        }
        Ok(())
    }

    /// Receives some bytes into the spare capacity of `buffer`, which must have some.
    pub(crate) fn append(&self, buffer: &mut Vec<u8>, deadline: Deadline) -> Result<(), RecvError> {
        let bytes = self
            .waiting_for_data(deadline, |flags| sys::receive_spare(self.as_fd(), buffer, flags))?;
        nonzero(bytes).map(|_| ())
    }

    /// Writes all of `parts`, the descriptors with the first byte.
    ///
    /// # Errors
    ///
    /// [`SendError::TimedOut`] if nothing has been written by then, [`SendError::TimedOutMidway`] if a
    /// part has.
    pub(crate) fn write(
        &self,
        mut parts: &mut [IoSlice<'_>],
        mut descriptors: &[OwnedFd],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let mut begun = false;
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            let flags = if deadline.is_never() { SendFlags::empty() } else { SendFlags::DONTWAIT };
            match sys::send(self.as_fd(), parts, descriptors, flags) {
                Ok(written) => {
                    IoSlice::advance_slices(&mut parts, written);
                    descriptors = &[];
                    begun = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !sys::wait_writable(self.as_fd(), deadline)? {
                        let late =
                            if begun { SendError::TimedOutMidway } else { SendError::TimedOut };
                        return Err(late);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Calls `receive` until it has something, waiting in between.
    fn waiting_for_data<T>(
        &self,
        deadline: Deadline,
        mut receive: impl FnMut(RecvFlags) -> io::Result<T>,
    ) -> Result<T, RecvError> {
        let flags = if deadline.is_never() { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
        loop {
            match receive(flags) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !sys::wait_readable(self.as_fd(), deadline)? {
                        return Err(RecvError::TimedOut);
                    }
                }
                result => return Ok(result?),
            }
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The number of bytes received, of which there must be some.
fn nonzero(bytes: usize) -> Result<usize, RecvError> {
    if bytes == 0 { Err(RecvError::Disconnected) } else { Ok(bytes) }
}
