//! Every system call of this crate, so that a second platform is one file.
//!
//! What it must provide: a pair of descriptors that tell when the other end is closed everywhere; a bell, which can
//! be rung and silenced by anybody; a socket that sends to itself, keeps whole packets with
//! descriptors, and shows the first without taking it; and a poll.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::event::epoll::{CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::time::Timespec;

/// What Linux lets one packet carry (`SCM_MAX_FD`).
pub(crate) const DESCRIPTORS_PER_PACKET: usize = 253;

/// What a socket that sends to itself asks for: about a thousand packets.
const VAULT_BYTES: usize = 1 << 20;

/// What is left until `deadline`; `None` is without end.
fn time_left(deadline: Option<Instant>) -> Option<Timespec> {
    let left = deadline?.saturating_duration_since(Instant::now());
    Some(Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }))
}

/// Two sockets of which each is told when the last descriptor of the other is closed.
pub(crate) fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// A descriptor that is readable after it has been rung, until it is silenced.
pub(crate) fn bell() -> io::Result<OwnedFd> {
    Ok(rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)
}

/// Makes a bell readable.
pub(crate) fn ring(bell: BorrowedFd<'_>) {
    // It refuses when it has been rung 2⁶⁴ times without being silenced: it rings then.
    let _ = retry(|| rustix::io::write(bell, &1_u64.to_ne_bytes()));
}

/// Makes a bell unreadable.
pub(crate) fn silence(bell: BorrowedFd<'_>) {
    // It refuses when it is silent.
    let _ = retry(|| rustix::io::read(bell, &mut [0_u8; 8]));
}

/// A socket that is connected to itself: what is sent there can be received there, and nobody else
/// can send to it.
pub(crate) fn socket_to_itself() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    // Without a name the kernel chooses one, outside of the file system.
    rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new_unnamed())?;
    let own = rustix::net::getsockname(&socket)?;
    rustix::net::connect(&socket, &own)?;
    // The system may allow less, and then gives as much as it does.
    rustix::net::sockopt::set_socket_send_buffer_size(&socket, VAULT_BYTES)?;
    Ok(socket)
}

/// A descriptor from another process, if it is a unix socket of this type.
pub(crate) fn checked_socket(socket: OwnedFd, kind: SocketType) -> io::Result<OwnedFd> {
    let domain = rustix::net::sockopt::socket_domain(&socket);
    if domain == Ok(AddressFamily::UNIX) && rustix::net::sockopt::socket_type(&socket) == Ok(kind) {
        return Ok(socket);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "a descriptor of the queue is no such socket"))
}

/// Sends a packet, without waiting and without a signal.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptors: &[OwnedFd],
) -> io::Result<()> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    if descriptors.is_empty() {
        retry(|| rustix::net::send(socket, bytes, flags))?;
        return Ok(());
    }
    let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
    let rights = SendAncillaryMessage::ScmRights(&borrowed);
    let mut space = vec![MaybeUninit::uninit(); rights.size()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(rights) {
        return Err(io::Error::other("descriptors do not fit their control buffer"));
    }
    retry(|| rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags))?;
    Ok(())
}

/// Takes the next packet without its descriptors; `None` if there is none.
pub(crate) fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let flags = RecvFlags::DONTWAIT;
    match retry(|| rustix::net::recv(socket, &mut *buffer, flags)) {
        Ok((_, len)) => Ok(Some(len)),
        Err(Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Looks at the next packet, which stays, and gives duplicates of its descriptors.
pub(crate) fn peek(
    socket: BorrowedFd<'_>,
    buffer: &mut [u8],
) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
    const SPACE: usize = rustix::cmsg_space!(ScmRights(DESCRIPTORS_PER_PACKET));
    let mut space = [MaybeUninit::<u8>::uninit(); SPACE];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::PEEK | RecvFlags::CMSG_CLOEXEC;
    let message = retry(|| {
        let parts = &mut [IoSliceMut::new(&mut *buffer)];
        rustix::net::recvmsg(socket, parts, &mut control, flags)
    });
    let message = match message {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        result => result?,
    };
    if message.flags.contains(ReturnFlags::CTRUNC) {
        // Some of them found no place among the descriptors of this process.
        return Err(Errno::MFILE.into());
    }
    let mut descriptors = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = part {
            descriptors.extend(rights);
        }
    }
    Ok(Some((message.bytes, descriptors)))
}

/// Sleeps until one of `descriptors` is readable (a bell rings, or the other end of a socket is closed
/// everywhere), up to `deadline`. May return early.
pub(crate) fn poll<const N: usize>(descriptors: [BorrowedFd<'_>; N], deadline: Option<Instant>) {
    let mut polled = descriptors.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    // A failure is a signal, or memory short for a moment: callers look again in any case.
    let _ = rustix::event::poll(&mut polled, time_left(deadline).as_ref());
}

/// True if a socket that sends to itself has at most a quarter of what it can have.
pub(crate) fn has_room(socket: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::OUT)];
    let result = rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    result.is_ok() && polled[0].revents().contains(PollFlags::OUT)
}

/// True if the other end of a socket is closed everywhere.
pub(crate) fn has_ended(socket: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::IN)];
    let result = rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    result.is_ok() && polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

/// A descriptor that is readable when `bell` rings or the other end of `socket` is closed everywhere.
pub(crate) fn either(bell: BorrowedFd<'_>, socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let epoll = rustix::event::epoll::create(CreateFlags::CLOEXEC)?;
    for (number, fd) in [bell, socket].into_iter().enumerate() {
        let data = EventData::new_u64(number as u64);
        rustix::event::epoll::add(&epoll, fd, data, EventFlags::IN)?;
    }
    Ok(epoll)
}

/// Takes a descriptor out of those that `either` was made of.
pub(crate) fn unwatch(either: BorrowedFd<'_>, fd: BorrowedFd<'_>) {
    // It refuses if that has been done already.
    let _ = rustix::event::epoll::delete(either, fd);
}

/// The processor that runs the caller, and one more.
pub(crate) fn processor() -> u32 {
    rustix::thread::sched_getcpu() as u32 + 1
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
