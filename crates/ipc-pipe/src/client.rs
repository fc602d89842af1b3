//! Where processes that do not descend from each other come to talk: the connecting end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::address::Address;
#[cfg(feature = "authkey")]
use crate::authkey::AuthKey;
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::error::{ConnectError, Failure};
use crate::listener::{HANDSHAKE_TIMEOUT, MAX_MESSAGE_LEN};
#[cfg(feature = "authkey")]
use crate::noise::Secret;
use crate::peer::Peer;
use crate::sys::net;
use crate::transport::Transport;

/// Connects to a [`Listener`](crate::Listener).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ipc_pipe::{Address, Client, ConnectError};
///
/// let nobody = Address::temporary()?;
/// let result = Client::options().timeout(Duration::from_secs(1)).connect::<(), ()>(&nobody);
/// assert!(matches!(result, Err(ConnectError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Client(());

/// How a [`Client`] connects; made by [`Client::options`].
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    #[cfg(feature = "authkey")]
    authkey: Option<AuthKey>,
    timeout: Option<Duration>,
    handshake_timeout: Duration,
    max_message_len: u64,
    any_uid: bool,
}

impl Client {
    /// Connects to `address` without an authkey, with the defaults of [`ConnectOptions`].
    ///
    /// The types are those of the connection: `S` is sent, `R` received.
    ///
    /// # Errors
    ///
    /// As [`ConnectOptions::connect`].
    pub fn connect<S, R>(address: &Address) -> Result<Connection<S, R>, ConnectError> {
        Client::options().connect(address)
    }

    /// Options to set before connecting.
    pub fn options() -> ConnectOptions {
        ConnectOptions {
            #[cfg(feature = "authkey")]
            authkey: None,
            timeout: None,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            max_message_len: MAX_MESSAGE_LEN,
            any_uid: false,
        }
    }
}

/// Connects to `address`; the short form of [`Client::connect`].
///
/// # Errors
///
/// As [`ConnectOptions::connect`].
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Address, Listener, connect};
///
/// let mut listener = Listener::bind(&Address::temporary()?)?;
/// let mut here = connect::<u8, u8>(listener.address())?;
/// here.send(&7)?;
/// assert_eq!(listener.accept::<u8, u8>()?.recv()?, 7);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn connect<S, R>(address: &Address) -> Result<Connection<S, R>, ConnectError> {
    Client::connect(address)
}

impl ConnectOptions {
    /// Shows the listener that this end knows `key`, and makes it show the same; see
    /// [`Listener`](crate::Listener) for what that protects. Default: none.
    #[cfg(feature = "authkey")]
    pub fn authkey(&mut self, key: AuthKey) -> &mut Self {
        self.authkey = Some(key);
        self
    }

    /// How long everything may take, the handshake included. Default: as long as it takes to be
    /// connected, and then the [handshake's](ConnectOptions::handshake_timeout) own time.
    pub fn timeout(&mut self, timeout: Duration) -> &mut Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long the handshake may take. Default: 5 seconds.
    pub fn handshake_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.handshake_timeout = timeout;
        self
    }

    /// The longest message that the connection receives, in bytes; see
    /// [`Receiver::set_max_message_len`](crate::Receiver::set_max_message_len). Default: 64 MiB.
    pub fn max_message_len(&mut self, bytes: u64) -> &mut Self {
        self.max_message_len = bytes;
        self
    }

    /// Connects to the unix socket of a listener whatever user it belongs to. Default: this user's
    /// and root's.
    pub fn any_uid(&mut self) -> &mut Self {
        self.any_uid = true;
        self
    }

    /// Connects to `address`.
    ///
    /// Without an authkey the connection stands as soon as the kernel has it, before the listener
    /// accepts: a refusal, because the listener wants an authkey for instance, is then the
    /// [`RecvError::Refused`](crate::RecvError::Refused) of the first receiving call.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Io`] if nobody listens there (`NotFound` or `ConnectionRefused`) or the
    /// authkey is empty (`InvalidInput`); the other [`ConnectError`]s as they say. If the listener's
    /// process dies meanwhile, that is [`ConnectError::Disconnected`].
    pub fn connect<S, R>(&self, address: &Address) -> Result<Connection<S, R>, ConnectError> {
        let deadline = self.timeout.map_or(Deadline::NEVER, Deadline::after);
        let transport = self.shake_hands(address, deadline)?;
        let mut connection = Connection::over(transport);
        connection.set_max_message_len(self.max_message_len);
        Ok(connection)
    }

    #[cfg(feature = "authkey")]
    fn shake_hands(
        &self,
        address: &Address,
        deadline: Deadline,
    ) -> Result<Transport, ConnectError> {
        let Some(key) = &self.authkey else {
            return dial(address, self.any_uid, deadline).map(Transport::plain);
        };
        let secret = Secret::new(key, address)?;
        let socket = dial(address, self.any_uid, deadline)?;
        let deadline = deadline.or_earlier(Deadline::after(self.handshake_timeout));
        let keys = secret.client()?.finish(socket.as_fd(), deadline)?;
        match address {
            Address::Tcp(_) => Ok(Transport::sealed(socket, keys)),
            // The key is shown, and the kernel vouches for the rest.
            Address::Unix(_) | Address::Abstract(_) => Ok(Transport::plain(socket)),
        }
    }

    #[cfg(not(feature = "authkey"))]
    fn shake_hands(
        &self,
        address: &Address,
        deadline: Deadline,
    ) -> Result<Transport, ConnectError> {
        dial(address, self.any_uid, deadline).map(Transport::plain)
    }
}

/// A socket that is connected to a listener of a user that may be talked to.
pub(crate) fn dial(
    address: &Address,
    any_uid: bool,
    deadline: Deadline,
) -> Result<OwnedFd, ConnectError> {
    let socket = net::connect(address, deadline).map_err(|error| {
        io::Error::new(error.kind(), format!("no connection to {address}: {error}"))
    })?;
    let foreign = match address {
        Address::Tcp(_) => None,
        Address::Unix(_) | Address::Abstract(_) => Peer::of(socket.as_fd(), None)?.foreign_user(),
    };
    match foreign {
        Some(uid) if !any_uid => Err(Failure::WrongUser { uid }.into()),
        _ => Ok(socket),
    }
}
