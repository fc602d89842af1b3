//! A byte stream with deadlines: what connections of every kind stand on.
//!
//! Waiting is done per call (`MSG_DONTWAIT` and poll), never by `O_NONBLOCK`: that flag belongs to
//! the open file, which other processes may hold too.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketType};

use crate::deadline::Deadline;
use crate::error::{RecvError, SendError};
use crate::sys;

/// A connected stream socket, of a unix or an internet address.
#[derive(Debug)]
pub(crate) struct Stream {
    socket: OwnedFd,
    is_unix: bool,
}

impl Stream {
    pub(crate) fn new(socket: OwnedFd) -> Stream {
        let is_unix = sys::is_unix_socket(socket.as_fd(), SocketType::STREAM);
        Stream { socket, is_unix }
    }

    /// True if descriptors can ride beside the bytes.
    pub(crate) fn carries_descriptors(&self) -> bool {
        self.is_unix
    }

    /// Fills `buffer` from position `filled` on, and moves `filled` along.
    ///
    /// After [`RecvError::TimedOut`] a further call goes on where this one stopped.
    /// Descriptors that come with the bytes are added to `descriptors`; true is returned if some
    /// were lost. The end of the stream is [`RecvError::Disconnected`], whatever has been filled.
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
    /// [`SendError::TimedOut`] if nothing has been written by then. If a part has been written, the
    /// message can be neither finished nor taken back, so this direction is shut down, and the
    /// error is [`SendError::TimedOutMidway`] if the time was up.
    pub(crate) fn write(
        &self,
        mut parts: &mut [IoSlice<'_>],
        mut descriptors: &[OwnedFd],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        let mut begun = false;
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            match self.write_some(parts, descriptors, deadline) {
                Ok(written) => {
                    IoSlice::advance_slices(&mut parts, written);
                    descriptors = &[];
                    begun = true;
                }
                Err(error) if begun => return Err(self.broken_off(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// As [`write`](Stream::write), for a further piece of a message that has begun.
    pub(crate) fn go_on_writing(
        &self,
        parts: &mut [IoSlice<'_>],
        descriptors: &[OwnedFd],
        deadline: Deadline,
    ) -> Result<(), SendError> {
        self.write(parts, descriptors, deadline).map_err(|error| match error {
            SendError::TimedOut => self.broken_off(error),
            other => other,
        })
    }

    /// Writes what there is room for, waiting for some.
    fn write_some(
        &self,
        parts: &[IoSlice<'_>],
        descriptors: &[OwnedFd],
        deadline: Deadline,
    ) -> Result<usize, SendError> {
        let flags = if deadline.is_never() { SendFlags::empty() } else { SendFlags::DONTWAIT };
        loop {
            match sys::send(self.as_fd(), parts, descriptors, flags) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if deadline.is_past() || !sys::wait_writable(self.as_fd(), deadline)? {
                        return Err(SendError::TimedOut);
                    }
                }
                result => return Ok(result?),
            }
        }
    }

    #[cold]
    fn broken_off(&self, error: SendError) -> SendError {
        // If it cannot be shut down, the peer is gone already.
        let _ = sys::shut_down(self.as_fd(), Shutdown::Write);
        if let SendError::TimedOut = error { SendError::TimedOutMidway } else { error }
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
                    if deadline.is_past() || !sys::wait_readable(self.as_fd(), deadline)? {
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
