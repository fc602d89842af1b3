//! Where processes that do not descend from each other come to talk: the connecting end.

#[cfg(feature = "authkey")]
use std::os::fd::AsFd;

use crate::address::Address;
#[cfg(feature = "authkey")]
use crate::authkey::AuthKey;
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::error::ConnectError;
#[cfg(feature = "authkey")]
use crate::noise::Secret;
use crate::options::{ForClient, client_setters};
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
/// assert!(matches!(result, Err(ConnectError::Io(_))));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Client(());

/// How a [`Client`] connects; made by [`Client::options`].
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    #[cfg(feature = "authkey")]
    authkey: Option<AuthKey>,
    common: ForClient,
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
        ConnectOptions::default()
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

    client_setters!();

    /// Connects to `address`.
    ///
    /// Without an authkey the connection stands as soon as the kernel has it, before the listener
    /// accepts: a refusal, because the listener wants an authkey for instance, is then the
    /// [`RecvError::Refused`](crate::RecvError::Refused) of the first receiving call.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Io`] if nobody listens there (`NotFound` or `ConnectionRefused`) or the
    /// authkey is empty (`InvalidInput`); the other [`ConnectError`]s as they say. If the
    /// listener's process dies meanwhile, that is [`ConnectError::Disconnected`].
    pub fn connect<S, R>(&self, address: &Address) -> Result<Connection<S, R>, ConnectError> {
        let deadline = self.common.deadline();
        let transport = self.shake_hands(address, deadline)?;
        let mut connection = Connection::over(transport);
        connection.set_max_message_len(self.common.max_message_len);
        Ok(connection)
    }

    #[cfg(feature = "authkey")]
    fn shake_hands(
        &self,
        address: &Address,
        deadline: Deadline,
    ) -> Result<Transport, ConnectError> {
        let Some(key) = &self.authkey else {
            return self.common.dial(address, deadline).map(Transport::plain);
        };
        let secret = Secret::new(key, address)?;
        let socket = self.common.dial(address, deadline)?;
        let deadline = self.common.handshake_deadline(deadline);
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
        self.common.dial(address, deadline).map(Transport::plain)
    }
}
