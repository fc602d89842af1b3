//! What can be set for a listener or a client, in either protocol.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use crate::address::Address;
use crate::deadline::Deadline;
use crate::error::{ConnectError, Failure};
use crate::peer::Peer;
use crate::reception::Rules;
use crate::sys::net;

/// How long a message may be, in bytes, if nothing else is said.
pub(crate) const MAX_MESSAGE_LEN: u64 = 64 << 20;

/// How long a handshake may take if nothing else is said.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// What can be set for a listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForListener {
    pub(crate) backlog: u32,
    pub(crate) max_message_len: u64,
    pub(crate) rules: Rules,
}

/// What can be set for a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForClient {
    pub(crate) timeout: Option<Duration>,
    pub(crate) handshake_timeout: Duration,
    pub(crate) max_message_len: u64,
    pub(crate) any_user: bool,
}

impl Default for ForListener {
    fn default() -> ForListener {
        let handshake_timeout = HANDSHAKE_TIMEOUT;
        ForListener {
            backlog: 128,
            max_message_len: MAX_MESSAGE_LEN,
            rules: Rules { handshake_timeout, max_half_open: 64, any_user: false },
        }
    }
}

impl Default for ForClient {
    fn default() -> ForClient {
        ForClient {
            timeout: None,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            max_message_len: MAX_MESSAGE_LEN,
            any_user: false,
        }
    }
}

impl ForClient {
    pub(crate) fn deadline(&self) -> Deadline {
        self.timeout.map_or(Deadline::NEVER, Deadline::after)
    }

    /// When to give up a handshake that begins now.
    pub(crate) fn handshake_deadline(&self, deadline: Deadline) -> Deadline {
        deadline.or_earlier(Deadline::after(self.handshake_timeout))
    }

    /// A socket that is connected to a listener of a user that may be talked to.
    pub(crate) fn dial(
        &self,
        address: &Address,
        deadline: Deadline,
    ) -> Result<OwnedFd, ConnectError> {
        let socket = net::connect(address, deadline).map_err(|error| {
            io::Error::new(error.kind(), format!("no connection to {address}: {error}"))
        })?;
        if self.any_user || !address.is_local() {
            return Ok(socket);
        }
        match Peer::of(socket.as_fd(), None)?.foreign_user() {
            Some(uid) => Err(Failure::WrongUser { uid }.into()),
            None => Ok(socket),
        }
    }
}

/// The methods that set `self.common`, a [`ForListener`].
macro_rules! listener_setters {
    () => {
        /// How many clients may wait in the kernel to be accepted. Further ones wait on unix
        /// sockets, and try again after a second on TCP. Default: 128.
        pub fn backlog(&mut self, clients: u32) -> &mut Self {
            self.common.backlog = clients;
            self
        }

        /// How long a client may take for its handshake. Default: 5 seconds.
        pub fn handshake_timeout(&mut self, timeout: std::time::Duration) -> &mut Self {
            self.common.rules.handshake_timeout = timeout;
            self
        }

        /// How many clients may be in the middle of their handshake; when there are more, the
        /// oldest is dropped. Default: 64; at least 1.
        pub fn max_half_open(&mut self, clients: usize) -> &mut Self {
            self.common.rules.max_half_open = clients.max(1);
            self
        }

        /// The longest message that accepted connections receive, in bytes; it can be changed for
        /// each connection. Default: 64 MiB.
        pub fn max_message_len(&mut self, bytes: u64) -> &mut Self {
            self.common.max_message_len = bytes;
            self
        }

        /// Lets processes of every user connect to a unix socket.
        ///
        /// The file of the socket keeps mode 0600, so change that too, or use the abstract
        /// namespace.
        pub fn any_uid(&mut self) -> &mut Self {
            self.common.rules.any_user = true;
            self
        }
    };
}

/// The methods that set `self.common`, a [`ForClient`].
macro_rules! client_setters {
    () => {
        /// How long everything may take, the handshake included. Default: as long as it takes to
        /// be connected, and then the [handshake's](Self::handshake_timeout) own time.
        pub fn timeout(&mut self, timeout: std::time::Duration) -> &mut Self {
            self.common.timeout = Some(timeout);
            self
        }

        /// How long the handshake may take. Default: 5 seconds.
        pub fn handshake_timeout(&mut self, timeout: std::time::Duration) -> &mut Self {
            self.common.handshake_timeout = timeout;
            self
        }

        /// The longest message that the connection receives, in bytes; it can be changed later.
        /// Default: 64 MiB.
        pub fn max_message_len(&mut self, bytes: u64) -> &mut Self {
            self.common.max_message_len = bytes;
            self
        }

        /// Connects to the unix socket of a listener whatever user it belongs to. Default: this
        /// user's and root's.
        pub fn any_uid(&mut self) -> &mut Self {
            self.common.any_user = true;
            self
        }
    };
}

pub(crate) use {client_setters, listener_setters};
