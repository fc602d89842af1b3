//! The system calls of listeners and clients.
//!
//! What it must provide: listening sockets of each family, accepting without waiting, connecting
//! against a deadline, the user at the other end of a unix socket, one descriptor that is readable
//! when one of several is, and random bytes.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use rustix::rand::GetRandomFlags;

use super::retry;
use crate::address::Address;
use crate::deadline::Deadline;

/// The longest path of a unix socket (`sun_path` with its terminator).
const PATH_MAX: usize = 107;

/// Who is at the other end of a unix socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credentials {
    /// 0 if the process is not visible from here.
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

/// `N` bytes from the system's random numbers.
pub(crate) fn random_bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        filled += retry(|| rustix::rand::getrandom(&mut bytes[filled..], GetRandomFlags::empty()))?;
    }
    Ok(bytes)
}

/// A listening socket at `address` on which accepting never waits.
pub(crate) fn listen(address: &Address, backlog: u32) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family(address), SocketType::STREAM, flags, None)?;
    match address {
        Address::Unix(_) | Address::Abstract(_) => {
            // The file that bind makes takes its permissions from the socket, so that there is no
            // moment at which others can connect.
            rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
            rustix::net::bind(&socket, &unix_address(address)?)?;
        }
        Address::Tcp(address) => {
            sockopt::set_socket_reuseaddr(&socket, true)?;
            rustix::net::bind(&socket, address)?;
        }
    }
    rustix::net::listen(&socket, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket)
}

/// The address that a listening TCP socket has got.
pub(crate) fn tcp_address(socket: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    Ok(rustix::net::getsockname(socket)?.try_into()?)
}

/// Takes a connection from the queue of a listening socket; none if it is empty.
pub(crate) fn accept(socket: BorrowedFd<'_>) -> io::Result<Option<(OwnedFd, Option<SocketAddr>)>> {
    loop {
        match rustix::net::acceptfrom_with(socket, SocketFlags::CLOEXEC) {
            Ok((accepted, address)) => {
                return Ok(Some((accepted, address.and_then(|any| any.try_into().ok()))));
            }
            Err(Errno::AGAIN) => return Ok(None),
            // Connections that were gone again before they were taken are nobody's business.
            Err(Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::NETDOWN) => {}
            Err(Errno::HOSTDOWN | Errno::HOSTUNREACH | Errno::NETUNREACH) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Connects to `address`, waiting up to `deadline`, which ends in `TimedOut`.
pub(crate) fn connect(address: &Address, deadline: Deadline) -> io::Result<OwnedFd> {
    match address {
        Address::Tcp(address) => connect_tcp(*address, deadline),
        local => connect_unix(&unix_address(local)?, deadline),
    }
}

fn connect_unix(address: &SocketAddrUnix, deadline: Deadline) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    loop {
        // Only the queue of the listener can make this wait, and a limit on sending covers that.
        if let Some(left) = deadline.time_left() {
            sockopt::set_socket_timeout(&socket, Timeout::Send, Some(left.max(SHORTEST)))?;
        }
        match rustix::net::connect(&socket, address) {
            Ok(()) => break,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if deadline.is_past() => return Err(io::ErrorKind::TimedOut.into()),
            Err(Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if !deadline.is_never() {
        sockopt::set_socket_timeout(&socket, Timeout::Send, None)?;
    }
    Ok(socket)
}

/// The shortest limit that the kernel does not take for none.
const SHORTEST: std::time::Duration = std::time::Duration::from_millis(1);

fn connect_tcp(address: SocketAddr, deadline: Deadline) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let family = family(&Address::Tcp(address));
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) => {}
        // Once begun, connecting goes on by itself, interrupted or not.
        Err(Errno::INPROGRESS | Errno::INTR) => {
            if !super::wait_writable(socket.as_fd(), deadline)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            sockopt::socket_error(&socket)??;
        }
        Err(error) => return Err(error.into()),
    }
    rustix::io::ioctl_fionbio(&socket, false)?;
    without_delay(socket.as_fd());
    Ok(socket)
}

/// Asks TCP to send short messages at once; a unix socket does so anyway.
pub(crate) fn without_delay(socket: BorrowedFd<'_>) {
    // A socket that does not know the option works without it.
    let _ = sockopt::set_tcp_nodelay(socket, true);
}

/// Who is at the other end of a unix socket, by the word of the kernel.
pub(crate) fn credentials(socket: BorrowedFd<'_>) -> io::Result<Credentials> {
    let peer = sockopt::socket_peercred(socket)?;
    // The kernel says 0 for a process in a pid namespace that is not visible from here.
    let pid = u32::try_from(peer.pid.as_raw_pid()).unwrap_or(0);
    Ok(Credentials { pid, uid: peer.uid.as_raw() })
}

/// The user in whose name this process acts.
pub(crate) fn effective_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Receives what is there, without waiting; 0 bytes are the end of the stream.
pub(crate) fn receive_now(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    super::receive_plain(socket, buffer, RecvFlags::DONTWAIT)
}

/// Sends what there is room for, without waiting.
pub(crate) fn send_now(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    super::send(socket, &[io::IoSlice::new(bytes)], &[], SendFlags::DONTWAIT)
}

/// Makes a folder that only this user can enter; it must not exist.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mkdir(path, Mode::RWXU)?)
}

/// What tells a file from any other that may come to stand at its path.
pub(crate) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Readable,
    Writable,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Interest::Readable => EventFlags::IN,
            Interest::Writable => EventFlags::OUT,
        }
    }
}

/// Watches many descriptors through one, which is readable when one of them is ready.
#[derive(Debug)]
pub(crate) struct Watch(OwnedFd);

impl Watch {
    pub(crate) fn new() -> io::Result<Watch> {
        Ok(Watch(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    pub(crate) fn add(&self, fd: BorrowedFd<'_>, token: u64, until: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.0, fd, EventData::new_u64(token), until.flags())?)
    }

    pub(crate) fn change(&self, fd: BorrowedFd<'_>, token: u64, until: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.0, fd, EventData::new_u64(token), until.flags())?)
    }

    /// Stops watching `fd`, which may stay open elsewhere.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        // It can only fail if `fd` is not watched, which is what is wanted.
        let _ = epoll::delete(&self.0, fd);
    }

    /// The token of one that is ready, taking turns; none if the deadline passes first.
    pub(crate) fn next(&self, deadline: Deadline) -> io::Result<Option<u64>> {
        if !super::wait_readable(self.0.as_fd(), deadline)? {
            return Ok(None);
        }
        let mut events = Vec::with_capacity(1);
        let no_wait = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        retry(|| {
            let spare = rustix::buffer::spare_capacity(&mut events);
            epoll::wait(&self.0, spare, Some(&no_wait))
        })?;
        Ok(events.first().map(|event: &epoll::Event| event.data.u64()))
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn family(address: &Address) -> AddressFamily {
    match address {
        Address::Unix(_) | Address::Abstract(_) => AddressFamily::UNIX,
        Address::Tcp(SocketAddr::V4(_)) => AddressFamily::INET,
        Address::Tcp(SocketAddr::V6(_)) => AddressFamily::INET6,
    }
}

fn unix_address(address: &Address) -> io::Result<SocketAddrUnix> {
    use std::os::unix::ffi::OsStrExt;

    match address {
        Address::Unix(path) => {
            check_name("path", path.as_os_str().as_bytes())?;
            Ok(SocketAddrUnix::new(path.as_path())?)
        }
        Address::Abstract(name) => {
            check_name("abstract name", name)?;
            Ok(SocketAddrUnix::new_abstract_name(name)?)
        }
        Address::Tcp(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a unix socket")),
    }
}

fn check_name(what: &str, name: &[u8]) -> io::Result<()> {
    let why = match name.len() {
        0 => "is empty".to_string(),
        len if len > PATH_MAX => {
            format!("has {len} bytes; a unix socket takes no more than {PATH_MAX}")
        }
        _ if what == "path" && name.contains(&0) => "holds a zero byte".to_string(),
        _ => return Ok(()),
    };
    let name = String::from_utf8_lossy(name);
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the {what} {name:?} {why}")))
}
