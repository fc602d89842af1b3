//! Connected pairs for processes with a common ancestor.

use std::io;
use std::os::fd::AsFd;

use rustix::net::{Shutdown, SocketType};

use crate::connection::Connection;
use crate::receiver::Receiver;
use crate::sender::Sender;
use crate::sys;
use crate::transport::Transport;

/// Makes a one-way connection.
///
/// Either end can be part of a value that is sent to another process, which is how two processes
/// come to talk: keep one end and send the other along with the arguments of the child.
///
/// The two ends are a pair of unix sockets, each shut down in the direction that is not used, not a
/// kernel pipe: at 1 MiB a socket is about twice as fast, it carries descriptors, a write to a dead
/// reader is an error without SIGPIPE, and waiting with a deadline does not need `O_NONBLOCK`,
/// which all processes that hold an end would share.
///
/// # Errors
///
/// When this process has no room for two more descriptors.
///
/// # Examples
///
/// ```
/// let (mut receiver, mut sender) = ipc_pipe::pipe::<(String, u32)>()?;
/// sender.send(&("three".into(), 3))?;
/// assert_eq!(receiver.recv()?, ("three".to_string(), 3));
///
/// drop(sender);
/// assert!(matches!(receiver.recv(), Err(ipc_pipe::RecvError::Disconnected)));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pipe<T>() -> io::Result<(Receiver<T>, Sender<T>)> {
    let (to, from) = sys::socket_pair(SocketType::STREAM)?;
    sys::shut_down(to.as_fd(), Shutdown::Write)?;
    sys::shut_down(from.as_fd(), Shutdown::Read)?;
    Ok((Receiver::over(Transport::plain(to)), Sender::over(Transport::plain(from))))
}

/// Makes a two-way connection: `A` travels from the first end to the second, `B` back.
///
/// # Errors
///
/// When this process has no room for two more descriptors.
///
/// # Examples
///
/// ```
/// let (mut here, mut there) = ipc_pipe::duplex::<i32, String>()?;
/// here.send(&42)?;
/// let number = there.recv()?;
/// there.send(&format!("{number} it is"))?;
/// assert_eq!(here.recv()?, "42 it is");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn duplex<A, B>() -> io::Result<(Connection<A, B>, Connection<B, A>)> {
    let (one, other) = sys::socket_pair(SocketType::STREAM)?;
    Ok((Connection::over(Transport::plain(one)), Connection::over(Transport::plain(other))))
}
