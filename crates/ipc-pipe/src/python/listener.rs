//! The listening end for Python clients.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::challenge::Challenge;
use super::connection::Connection;
use crate::address::Address;
use crate::authkey::AuthKey;
use crate::deadline::Deadline;
use crate::doorway::Doorway;
use crate::error::AcceptError;
use crate::options::{ForListener, listener_setters};
use crate::peer::Peer;
use crate::reception::{Greeter, Reception};

/// Accepts connections of Python's `multiprocessing.connection.Client`.
///
/// Slow and hostile clients, and the file of the socket, are treated as by
/// [`ipc_pipe::Listener`](crate::Listener). What the authkey protects is less: see the
/// [module](super).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ipc_pipe::{AcceptError, Address, AuthKey, python::Listener};
///
/// let mut options = Listener::options();
/// options.authkey(AuthKey::generate()?).handshake_timeout(Duration::from_millis(5));
/// let mut listener = options.bind(&Address::temporary()?)?;
/// # let ipc_pipe::Address::Unix(path) = listener.address().clone() else { unreachable!() };
/// # let silent = std::os::unix::net::UnixStream::connect(path)?;
/// match listener.accept() {
///     Ok(mut connection) => connection.send_bytes(b"welcome")?,
///     Err(AcceptError::Io(error)) => return Err(error),
///     Err(about_one_client) => eprintln!("{about_one_client}"),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Listener {
    reception: Reception<Challenge>,
    max_message_len: u64,
    last_peer: Option<Peer>,
}

/// How a [`Listener`] receives its clients; made by [`Listener::options`].
#[derive(Clone, Debug, Default)]
pub struct ListenerOptions {
    authkey: Option<AuthKey>,
    common: ForListener,
}

impl Listener {
    /// Listens at `address` without an authkey, with the defaults of [`ListenerOptions`].
    ///
    /// # Errors
    ///
    /// As [`ipc_pipe::Listener::bind`](crate::Listener::bind).
    pub fn bind(address: &Address) -> io::Result<Listener> {
        Listener::options().bind(address)
    }

    /// Options to set before binding.
    pub fn options() -> ListenerOptions {
        ListenerOptions::default()
    }

    /// Where it listens, with the port that it has got.
    pub fn address(&self) -> &Address {
        self.reception.address()
    }

    /// Who is at the other end of the connection that was accepted last.
    pub fn last_peer(&self) -> Option<Peer> {
        self.last_peer
    }

    /// How many clients are in the middle of their handshake.
    pub fn half_open(&self) -> usize {
        self.reception.half_open()
    }

    /// Waits for the next client and, if there is an authkey, for the end of its handshake.
    ///
    /// # Errors
    ///
    /// Every [`AcceptError`] but `TimedOut`; a client that knows MD5 only is
    /// [`AcceptError::Protocol`].
    pub fn accept(&mut self) -> Result<Connection, AcceptError> {
        self.accept_within(Deadline::NEVER)
    }

    /// As [`accept`](Listener::accept), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`AcceptError::TimedOut`] if nobody came; handshakes that have begun go on with the next
    /// call.
    pub fn accept_timeout(&mut self, timeout: Duration) -> Result<Connection, AcceptError> {
        self.accept_within(Deadline::after(timeout))
    }

    /// As [`accept`](Listener::accept), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`accept_timeout`](Listener::accept_timeout).
    pub fn accept_deadline(&mut self, deadline: Instant) -> Result<Connection, AcceptError> {
        self.accept_within(Deadline::at(deadline))
    }

    /// As [`accept`](Listener::accept), without waiting.
    ///
    /// # Errors
    ///
    /// As [`accept_timeout`](Listener::accept_timeout).
    pub fn try_accept(&mut self) -> Result<Connection, AcceptError> {
        self.accept_within(Deadline::now())
    }

    fn accept_within(&mut self, deadline: Deadline) -> Result<Connection, AcceptError> {
        let arrival = self.reception.next(deadline)?;
        self.last_peer = Some(arrival.peer);
        Ok(Connection::over(arrival.socket, self.max_message_len))
    }
}

impl ListenerOptions {
    /// Lets only those in who know `key`; see the [module](super) for what that does not protect.
    /// Default: none.
    pub fn authkey(&mut self, key: AuthKey) -> &mut Self {
        self.authkey = Some(key);
        self
    }

    listener_setters!();

    /// Listens at `address`.
    ///
    /// # Errors
    ///
    /// As [`Listener::bind`].
    pub fn bind(&self, address: &Address) -> io::Result<Listener> {
        let doorway = Doorway::open(address, self.common.backlog)?;
        Ok(Listener {
            reception: Reception::new(doorway, self.common.rules, self.greeter())?,
            max_message_len: self.common.max_message_len,
            last_peer: None,
        })
    }

    fn greeter(&self) -> Option<Greeter<Challenge>> {
        let key = self.authkey.clone()?;
        Some(Box::new(move || Challenge::listener(&key)))
    }
}

/// As that of [`ipc_pipe::Listener`](crate::Listener#impl-AsFd-for-Listener).
impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reception.as_fd()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Listener").field("address", self.address()).finish_non_exhaustive()
    }
}
