//! How a process ended, and what it reported before.

use std::fmt;

use ipc_pipe::Message;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::JoinError;
use crate::panics::Panic;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ExitStatus {
    /// It exited with this code. All 32 bits are known if the process ran under this library and
    /// its C library tells (glibc does); otherwise the lowest eight, as the kernel keeps no
    /// more.
    Code(i32),
    /// A signal ended it.
    Signal {
        /// The number of the signal.
        signal: i32,
        /// A core was dumped.
        core_dumped: bool,
    },
    /// It is gone, and its status is lost: see [`JoinError::Unknown`].
    Unknown,
}

impl ExitStatus {
    /// True for code 0.
    pub fn success(self) -> bool {
        self == ExitStatus::Code(0)
    }

    /// The code, if the process exited with one.
    pub fn code(self) -> Option<i32> {
        match self {
            ExitStatus::Code(code) => Some(code),
            _ => None,
        }
    }

    /// The signal that ended the process, if one did.
    pub fn signal(self) -> Option<i32> {
        match self {
            ExitStatus::Signal { signal, .. } => Some(signal),
            _ => None,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Code(code) => write!(formatter, "exit code {code}"),
            ExitStatus::Signal { signal, core_dumped: true } => {
                write!(formatter, "signal {signal} (core dumped)")
            }
            ExitStatus::Signal { signal, .. } => write!(formatter, "signal {signal}"),
            ExitStatus::Unknown => formatter.write_str("unknown status"),
        }
    }
}

/// The exit code of a child whose function panicked: the one that a Rust program ends with.
pub(crate) const EXIT_PANICKED: i32 = 101;
/// The exit code of a child that could not run its function or send its value.
pub(crate) const EXIT_FAILED: i32 = 1;

/// What comes back over the socket of a child: one word from the child at most, and one from its
/// fork server, if it has one, once it is dead.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The function returned this.
    Returned(Message),
    /// The function panicked.
    Panicked(Panic),
    /// `exit` was called before the function returned.
    Exited(i32),
    /// The function was not found.
    NoSuchFunction(String),
    /// The arguments could not be decoded.
    Arguments(String),
    /// The value could not be encoded.
    Encode(String),
    /// From the fork server, which has reaped the child.
    Reaped(ExitStatus),
}

impl Report {
    /// The code with which the child exits after this report.
    pub(crate) fn exit_code(&self) -> i32 {
        match self {
            Report::Returned(_) => 0,
            Report::Panicked(_) => EXIT_PANICKED,
            Report::Exited(code) => *code,
            _ => EXIT_FAILED,
        }
    }

    /// The value, or why there is none.
    pub(crate) fn into_result<R: DeserializeOwned>(self) -> Result<R, JoinError> {
        match self {
            Report::Returned(message) => message.decode().map_err(JoinError::Decode),
            Report::Panicked(Panic { message, location, backtrace }) => {
                Err(JoinError::Panicked { message, location, backtrace })
            }
            Report::Exited(code) => Err(JoinError::Exited(code)),
            Report::NoSuchFunction(why) => Err(JoinError::NoSuchFunction(why)),
            Report::Arguments(why) => Err(JoinError::Arguments(why)),
            Report::Encode(why) => Err(JoinError::Encode(why)),
            Report::Reaped(status) => Err(status.into()),
        }
    }
}

impl From<ExitStatus> for JoinError {
    fn from(status: ExitStatus) -> JoinError {
        match status {
            ExitStatus::Code(code) => JoinError::Exited(code),
            ExitStatus::Signal { signal, core_dumped } => {
                JoinError::Signaled { signal, core_dumped }
            }
            ExitStatus::Unknown => JoinError::Unknown,
        }
    }
}
