//! The connecting end for Python listeners.

use std::os::fd::AsFd;

use super::challenge::Challenge;
use super::connection::Connection;
use crate::address::Address;
use crate::authkey::AuthKey;
use crate::error::ConnectError;
use crate::options::{ForClient, client_setters};

/// Connects to Python's `multiprocessing.connection.Listener`.
///
/// # Examples
///
/// ```
/// use ipc_pipe::{Address, python};
///
/// // In Python: Listener(path).accept().recv_bytes()
/// let mut listener = python::Listener::bind(&Address::temporary()?)?;
/// python::Client::connect(listener.address())?.send_bytes(b"hello")?;
/// assert_eq!(listener.accept()?.recv_bytes()?, b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Client(());

/// How a [`Client`] connects; made by [`Client::options`].
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    authkey: Option<AuthKey>,
    common: ForClient,
}

impl Client {
    /// Connects to `address` without an authkey, with the defaults of [`ConnectOptions`].
    ///
    /// # Errors
    ///
    /// As [`ConnectOptions::connect`].
    pub fn connect(address: &Address) -> Result<Connection, ConnectError> {
        Client::options().connect(address)
    }

    /// Options to set before connecting.
    pub fn options() -> ConnectOptions {
        ConnectOptions::default()
    }
}

impl ConnectOptions {
    /// Shows the listener that this end knows `key`, and makes it show the same; see the
    /// [module](super) for what that does not protect. Default: none.
    pub fn authkey(&mut self, key: AuthKey) -> &mut Self {
        self.authkey = Some(key);
        self
    }

    client_setters!();

    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Io`] if nobody listens there; [`ConnectError::Protocol`] if the listener
    /// knows MD5 only; the other [`ConnectError`]s as they say. If the listener's process dies
    /// meanwhile, that is [`ConnectError::Disconnected`].
    pub fn connect(&self, address: &Address) -> Result<Connection, ConnectError> {
        let deadline = self.common.deadline();
        let socket = self.common.dial(address, deadline)?;
        if let Some(key) = &self.authkey {
            let deadline = self.common.handshake_deadline(deadline);
            Challenge::client(key)?.finish(socket.as_fd(), deadline)?;
        }
        Ok(Connection::over(socket, self.common.max_message_len))
    }
}
