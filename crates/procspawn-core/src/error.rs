//! Why a process could not be started, and why it gave no value.

use std::fmt;
use std::io;

use ipc_pipe::{DecodeError, EncodeError, RecvError};

/// A process could not be started. Nothing of it is left behind.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// [`init`](crate::init) has not run in this process. Without it a child would run `main`
    /// again, start a child of its own, and so on for ever.
    NotInitialized,
    /// The arguments cannot be encoded.
    Encode(EncodeError),
    /// The fork start method copies one thread only, and this process has this many: a lock held by
    /// another thread at that moment would never be released in the child.
    Threads(usize),
    /// A closure with captures can only be started by
    /// [`StartMethod::Fork`](crate::StartMethod::Fork).
    NeedsFork,
    /// A function given to [`set_forkserver_preload`](crate::set_forkserver_preload) failed in the
    /// fork server.
    Preload(String),
    /// The operating system refused: no process, memory or descriptor left, a missing executable.
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// A process ended without giving its value.
#[derive(Debug)]
#[non_exhaustive]
pub enum JoinError {
    /// The function panicked.
    Panicked {
        /// The panic's message.
        message: String,
        /// Where it happened, as `file:line:column`.
        location: String,
        /// The child's backtrace, if `RUST_BACKTRACE` asks for it.
        backtrace: Option<String>,
    },
    /// The process exited by itself before the function returned, with this code (all 32 bits of it
    /// where the C library tells, which glibc does).
    Exited(i32),
    /// A signal ended the process.
    Signaled {
        /// The number of the signal.
        signal: i32,
        /// A core was dumped.
        core_dumped: bool,
    },
    /// The child could not decode its arguments: the reason it gave.
    Arguments(String),
    /// The child could not encode the value it had: the reason it gave.
    Encode(String),
    /// The value that came back does not decode.
    Decode(DecodeError),
    /// What came back could not be read: it held more descriptors than this process has room for,
    /// or the child wrote something else to its socket.
    Unreadable(RecvError),
    /// The function does not exist in the child, because that runs another build of the program or
    /// another program: see [`set_executable`](crate::set_executable).
    NoSuchFunction(String),
    /// The process is gone, and nobody knows how: its status was taken by another part of the
    /// program (which ignores SIGCHLD or waits for any child), or its fork server was killed.
    Unknown,
    /// The value has been taken by an earlier call.
    AlreadyJoined,
    /// The process was started by another process than this one, which has the handle through a
    /// fork.
    NotParent,
}

impl StartError {
    pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> StartError {
        move |source| StartError::Io { doing, source }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::NotInitialized => formatter.write_str(
                "no process can be started before `init()`: call it first thing in `main` \
                 (in a test binary, put `test_binary!()` at its root instead)",
            ),
            StartError::Encode(error) => write!(formatter, "arguments: {error}"),
            StartError::Threads(count) => write!(
                formatter,
                "the fork start method needs a single thread, and there are {count}; use spawn or \
                 the fork server, or the unsafe `start_fork_unchecked`"
            ),
            StartError::NeedsFork => formatter.write_str(
                "a closure with captures can only be started by fork; for other start methods \
                 pass what it captures as arguments",
            ),
            StartError::Preload(why) => write!(formatter, "preloading the fork server: {why}"),
            StartError::Io { doing, source } => write!(formatter, "{doing}: {source}"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Panicked { message, location, .. } => {
                write!(formatter, "the process panicked at {location}: {message}")
            }
            JoinError::Exited(0) => formatter.write_str(
                "the process exited with code 0 before the function returned (if its program never \
                 calls `init()`, the function never ran)",
            ),
            JoinError::Exited(code) => write!(formatter, "the process exited with code {code}"),
            JoinError::Signaled { signal, core_dumped } => {
                let dumped = if *core_dumped { " (core dumped)" } else { "" };
                write!(formatter, "the process was ended by signal {signal}{dumped}")
            }
            JoinError::Arguments(why) => write!(formatter, "in the child: arguments: {why}"),
            JoinError::Encode(why) => write!(formatter, "in the child: return value: {why}"),
            JoinError::Decode(error) => write!(formatter, "return value: {error}"),
            JoinError::Unreadable(error) => write!(formatter, "return value: {error}"),
            JoinError::NoSuchFunction(why) => write!(formatter, "in the child: {why}"),
            JoinError::Unknown => {
                formatter.write_str("the process is gone, and its status is lost")
            }
            JoinError::AlreadyJoined => formatter.write_str("the value has already been taken"),
            JoinError::NotParent => {
                formatter.write_str("only the process that started a child can join it")
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StartError::Encode(error) => Some(error),
            StartError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl std::error::Error for JoinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            JoinError::Decode(error) => Some(error),
            JoinError::Unreadable(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EncodeError> for StartError {
    fn from(error: EncodeError) -> Self {
        StartError::Encode(error)
    }
}

impl From<StartError> for io::Error {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Io { source, .. } => source,
            other => io::Error::new(io::ErrorKind::InvalidInput, other),
        }
    }
}
