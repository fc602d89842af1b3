//! Every system call of this crate, so that a second platform is one file.
//!
//! What it must provide: socket pairs, gathered sends and receives that carry descriptors, receives
//! into spare capacity, a poll against a deadline, a set of descriptors that a thread waits for, and
//! sealed memory files.

pub(crate) mod epoll;
pub(crate) mod net;

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
};
use rustix::process::Pid;

use crate::deadline::Deadline;

/// What Linux lets one message carry (`SCM_MAX_FD`).
pub(crate) const DESCRIPTORS_PER_PACKET: usize = 253;

/// What one receive brought.
#[derive(Debug)]
pub(crate) struct Received {
    /// Bytes written into the buffer; 0 is the end of the stream.
    pub(crate) bytes: usize,
    /// Descriptors were sent that this process had no room for.
    pub(crate) descriptors_lost: bool,
}

/// A connected pair of unix sockets, closed on exec.
pub(crate) fn socket_pair(kind: SocketType) -> io::Result<(OwnedFd, OwnedFd)> {
    let pair = rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    Ok(pair)
}

/// Whether `fd` is a unix socket of this type.
pub(crate) fn is_unix_socket(fd: BorrowedFd<'_>, kind: SocketType) -> bool {
    rustix::net::sockopt::socket_domain(fd) == Ok(AddressFamily::UNIX)
        && rustix::net::sockopt::socket_type(fd) == Ok(kind)
}

/// Whether `fd` is a connected stream socket of any family.
pub(crate) fn is_stream_socket(fd: BorrowedFd<'_>) -> bool {
    rustix::net::sockopt::socket_type(fd) == Ok(SocketType::STREAM)
        && rustix::net::getpeername(fd).is_ok()
}

/// Closes one or both directions of a socket, for every process that holds it.
pub(crate) fn shut_down(fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    Ok(rustix::net::shutdown(fd, how)?)
}

/// A second descriptor for what `fd` names, closed on exec.
pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, 3)?)
}

/// This process.
pub(crate) fn own_pid() -> Pid {
    rustix::process::getpid()
}

/// Sends `parts` as one gathered write, with at most [`DESCRIPTORS_PER_PACKET`] descriptors.
///
/// Never raises SIGPIPE. With [`SendFlags::DONTWAIT`] a full buffer is `WouldBlock`.
pub(crate) fn send(
    fd: BorrowedFd<'_>,
    parts: &[IoSlice<'_>],
    descriptors: &[OwnedFd],
    flags: SendFlags,
) -> io::Result<usize> {
    let flags = flags | SendFlags::NOSIGNAL;
    match (parts, descriptors) {
        ([part], []) => Ok(retry(|| rustix::net::send(fd, part, flags))?),
        (_, []) => send_gathered(fd, parts, SendAncillaryBuffer::default(), flags),
        _ => send_with_descriptors(fd, parts, descriptors, flags),
    }
}

fn send_gathered(
    fd: BorrowedFd<'_>,
    parts: &[IoSlice<'_>],
    mut control: SendAncillaryBuffer<'_, '_, '_>,
    flags: SendFlags,
) -> io::Result<usize> {
    Ok(retry(|| rustix::net::sendmsg(fd, parts, &mut control, flags))?)
}

#[cold]
fn send_with_descriptors(
    fd: BorrowedFd<'_>,
    parts: &[IoSlice<'_>],
    descriptors: &[OwnedFd],
    flags: SendFlags,
) -> io::Result<usize> {
    let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    let rights = SendAncillaryMessage::ScmRights(&borrowed);
    let mut space = vec![MaybeUninit::uninit(); rights.size()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(rights) {
        return Err(io::Error::other("descriptors do not fit their control buffer"));
    }
    send_gathered(fd, parts, control, flags)
}

/// Receives into `buffer`, and the descriptors that came with those bytes into `descriptors`.
pub(crate) fn receive(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    descriptors: &mut Vec<OwnedFd>,
    flags: RecvFlags,
) -> io::Result<Received> {
    const SPACE: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS_PER_PACKET));
    let mut space = [MaybeUninit::<u8>::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let message = retry(|| {
        let parts = &mut [IoSliceMut::new(buffer)];
        rustix::net::recvmsg(fd, parts, &mut control, flags)
    })?;
    for item in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = item {
            descriptors.extend(rights);
        }
    }
    let descriptors_lost = message.flags.contains(ReturnFlags::CTRUNC);
    Ok(Received { bytes: message.bytes, descriptors_lost })
}

/// Receives plain bytes into `buffer`; descriptors that come with them are closed by the kernel.
pub(crate) fn receive_plain(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: RecvFlags,
) -> io::Result<usize> {
    Ok(retry(|| rustix::net::recv(fd, &mut *buffer, flags))?.0)
}

/// Receives plain bytes into the spare capacity of `buffer`, without clearing it first.
pub(crate) fn receive_spare(
    fd: BorrowedFd<'_>,
    buffer: &mut Vec<u8>,
    flags: RecvFlags,
) -> io::Result<usize> {
    Ok(retry(|| rustix::net::recv(fd, spare_capacity(buffer), flags))?.0)
}

/// Waits until one of `interests` is ready or the deadline is past; returns how many are ready.
pub(crate) fn poll(interests: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<usize> {
    loop {
        match rustix::event::poll(interests, deadline.remaining().as_ref()) {
            Err(Errno::INTR) => {}
            // The clock may say a little less than the deadline; a wait never ends early.
            Ok(0) if !deadline.is_past() => {}
            result => return Ok(result?),
        }
    }
}

/// Waits until `fd` can be read (or has ended); false when the deadline passes first.
pub(crate) fn wait_readable(fd: BorrowedFd<'_>, deadline: Deadline) -> io::Result<bool> {
    Ok(poll(&mut [PollFd::new(&fd, PollFlags::IN)], deadline)? > 0)
}

/// Waits until `fd` can be written (or has failed); false when the deadline passes first.
pub(crate) fn wait_writable(fd: BorrowedFd<'_>, deadline: Deadline) -> io::Result<bool> {
    Ok(poll(&mut [PollFd::new(&fd, PollFlags::OUT)], deadline)? > 0)
}

/// The seals under which nobody can change or shrink a memory file any more.
fn frozen() -> SealFlags {
    SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL
}

/// An anonymous memory file that holds `bytes` and can never change again.
pub(crate) fn frozen_memory(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create("multiproc-bulk", flags)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = retry(|| rustix::io::write(&file, rest))?;
        rest = &rest[written..];
    }
    rustix::fs::fcntl_add_seals(&file, frozen())?;
    Ok(file)
}

/// The length of a memory file, if it is one that can never change again.
pub(crate) fn frozen_len(file: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    match rustix::fs::fcntl_get_seals(file) {
        Ok(seals) if seals.contains(SealFlags::WRITE | SealFlags::SHRINK) => {
            Ok(u64::try_from(rustix::fs::fstat(file)?.st_size).ok())
        }
        Ok(_) | Err(Errno::INVAL) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Repeats a call that a signal handler interrupted.
fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
