//! Where processes that do not descend from each other come to talk: the listening end.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::address::Address;
#[cfg(feature = "authkey")]
use crate::authkey::AuthKey;
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::doorway::Doorway;
use crate::error::AcceptError;
#[cfg(not(feature = "authkey"))]
use crate::keyless::Handshake;
#[cfg(feature = "authkey")]
use crate::noise::{Handshake, Secret};
use crate::options::{ForListener, listener_setters};
use crate::peer::Peer;
use crate::reception::{Arrival, Greeter, Reception};
use crate::transport::Transport;

/// Accepts connections at an [`Address`].
///
/// # Who can connect
///
/// - A unix socket without an authkey: processes of this user and of root, says the kernel.
/// - A unix socket with an authkey: those of them that know it.
/// - TCP without an authkey: **anybody who can reach the port**, and anybody on the way can read
///   and change what is sent.
/// - TCP with an authkey: those that know it. All is encrypted and authenticated.
///
/// On a unix socket the handshake proves that both ends know the key, and what follows is sent in
/// clear: nobody can get in between (the kernel connects the two processes and names them), and
/// descriptors can ride, which they cannot on an encrypted connection.
///
/// # Slow and hostile clients
///
/// With an authkey, a client is *half open* until it has shown that it knows the key. Any number of
/// calls of `accept` attend to all half-open clients at once, so a silent one keeps nobody else
/// waiting. It is reported when its time is up. Before it has shown the key, a client can make the
/// listener keep a fixed amount of memory and nothing more.
///
/// An error about one client leaves the listener as good as before; see [`AcceptError`].
///
/// # Life and death
///
/// The file of a unix socket is removed with the listener, if it is still its own and this is the
/// process that made it. If the process is killed, the file stays, and binding there again is an
/// error that says so. Every descriptor is closed on exec. Clients that have connected but were not
/// accepted see the end when the listener is dropped.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Address, Client, Listener};
///
/// let mut listener = Listener::bind(&Address::temporary()?)?;
/// let address = listener.address().clone();
/// let client = std::thread::spawn(move || {
///     let mut connection = Client::connect::<String, u32>(&address).unwrap();
///     connection.send(&"how many?".into()).unwrap();
///     connection.recv().unwrap()
/// });
/// let mut connection = listener.accept::<u32, String>()?;
/// assert_eq!(connection.recv()?, "how many?");
/// connection.send(&3)?;
/// assert_eq!(client.join().unwrap(), 3);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Listener {
    reception: Reception<Handshake>,
    max_message_len: u64,
    last_peer: Option<Peer>,
}

/// How a [`Listener`] receives its clients; made by [`Listener::options`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ipc_pipe::{Address, Listener};
///
/// let mut options = Listener::options();
/// options.backlog(16).max_message_len(1 << 20).handshake_timeout(Duration::from_secs(1));
/// # #[cfg(feature = "authkey")]
/// options.authkey(ipc_pipe::AuthKey::generate()?);
/// let listener = options.bind(&Address::Tcp(([127, 0, 0, 1], 0).into()))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ListenerOptions {
    #[cfg(feature = "authkey")]
    authkey: Option<AuthKey>,
    common: ForListener,
}

impl Listener {
    /// Listens at `address` without an authkey, with the defaults of [`ListenerOptions`].
    ///
    /// # Errors
    ///
    /// `AddrInUse` if there is a listener, or a file, already; `InvalidInput` if a path is too long
    /// for a socket; whatever else the operating system says.
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
    /// The types are those of the connection: `S` is sent, `R` received.
    ///
    /// # Errors
    ///
    /// Every [`AcceptError`] but `TimedOut`. If a client dies, that is
    /// [`AcceptError::Disconnected`] in the middle of its handshake; after it, and without an
    /// authkey, the connection is accepted, and what the client has sent can be received.
    /// [`AcceptError::Io`] leaves the client where it was: the next call meets it again.
    pub fn accept<S, R>(&mut self) -> Result<Connection<S, R>, AcceptError> {
        self.accept_within(Deadline::NEVER)
    }

    /// As [`accept`](Listener::accept), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// [`AcceptError::TimedOut`] if nobody came; handshakes that have begun go on with the next
    /// call.
    pub fn accept_timeout<S, R>(
        &mut self,
        timeout: Duration,
    ) -> Result<Connection<S, R>, AcceptError> {
        self.accept_within(Deadline::after(timeout))
    }

    /// As [`accept`](Listener::accept), up to `deadline`.
    ///
    /// # Errors
    ///
    /// As [`accept_timeout`](Listener::accept_timeout).
    pub fn accept_deadline<S, R>(
        &mut self,
        deadline: Instant,
    ) -> Result<Connection<S, R>, AcceptError> {
        self.accept_within(Deadline::at(deadline))
    }

    /// As [`accept`](Listener::accept), without waiting.
    ///
    /// # Errors
    ///
    /// As [`accept_timeout`](Listener::accept_timeout).
    pub fn try_accept<S, R>(&mut self) -> Result<Connection<S, R>, AcceptError> {
        self.accept_within(Deadline::now())
    }

    fn accept_within<S, R>(&mut self, deadline: Deadline) -> Result<Connection<S, R>, AcceptError> {
        let arrival = self.reception.next(deadline)?;
        self.last_peer = Some(arrival.peer);
        let mut connection = Connection::over(transport(arrival));
        connection.set_max_message_len(self.max_message_len);
        Ok(connection)
    }
}

impl ListenerOptions {
    /// Lets only those in who know `key`; see [`Listener`] for what that protects. Default: none.
    #[cfg(feature = "authkey")]
    pub fn authkey(&mut self, key: AuthKey) -> &mut Self {
        self.authkey = Some(key);
        self
    }

    listener_setters!();

    /// Listens at `address`.
    ///
    /// # Errors
    ///
    /// As [`Listener::bind`]; `InvalidInput` if the authkey is empty.
    pub fn bind(&self, address: &Address) -> io::Result<Listener> {
        let greeter = self.greeter(address)?;
        let doorway = Doorway::open(address, self.common.backlog)?;
        Ok(Listener {
            reception: Reception::new(doorway, self.common.rules, greeter)?,
            max_message_len: self.common.max_message_len,
            last_peer: None,
        })
    }

    #[cfg(feature = "authkey")]
    fn greeter(&self, address: &Address) -> io::Result<Option<Greeter<Handshake>>> {
        let Some(key) = &self.authkey else { return Ok(None) };
        let secret = Secret::new(key, address)?;
        Ok(Some(Box::new(move || secret.listener())))
    }

    #[cfg(not(feature = "authkey"))]
    fn greeter(&self, _: &Address) -> io::Result<Option<Greeter<Handshake>>> {
        Ok(None)
    }
}

/// Readable when a client knocks or a handshake can go on, so that
/// [`try_accept`](Listener::try_accept) has something to do; it may still find that nobody is
/// through. A client whose time is up is noticed by the next call, not by this.
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

#[cfg(feature = "authkey")]
fn transport(arrival: Arrival<crate::noise::Keys>) -> Transport {
    match (arrival.peer, arrival.outcome) {
        (Peer::Remote(_), Some(keys)) => Transport::sealed(arrival.socket, keys),
        _ => Transport::plain(arrival.socket),
    }
}

#[cfg(not(feature = "authkey"))]
fn transport(arrival: Arrival<std::convert::Infallible>) -> Transport {
    Transport::plain(arrival.socket)
}
