//! The three ways to start a process.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::{Deserialize, Serialize};

/// How a child comes into being.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StartMethod {
    /// Executes this program again. Safe with threads; the cost does not depend on how much memory
    /// this process has.
    #[default]
    Spawn,
    /// Asks a helper process, which was executed once and has one thread, to fork. The fastest;
    /// flat likewise. The child sees what
    /// [`set_forkserver_preload`](crate::set_forkserver_preload) has loaded, and nothing else
    /// of this process.
    ForkServer,
    /// Forks this process: the child starts with a copy of all its memory. Only with a single
    /// thread; costs more the more memory there is. Runs closures with captures.
    Fork,
}

static DEFAULT: AtomicU8 = AtomicU8::new(0);

impl StartMethod {
    /// All methods, the default first.
    pub const ALL: [StartMethod; 3] =
        [StartMethod::Spawn, StartMethod::ForkServer, StartMethod::Fork];

    /// The method that processes are started with if they do not say.
    pub fn current() -> StartMethod {
        // Relaxed: a number on its own, nothing else is published with it.
        StartMethod::ALL[usize::from(DEFAULT.load(Ordering::Relaxed))]
    }
}

impl fmt::Display for StartMethod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            StartMethod::Spawn => "spawn",
            StartMethod::ForkServer => "forkserver",
            StartMethod::Fork => "fork",
        })
    }
}

/// Sets the method for processes of this process that do not say; children start out with the one
/// they were started with.
///
/// # Examples
///
/// ```
/// use procspawn_core::{StartMethod, set_start_method};
///
/// set_start_method(StartMethod::ForkServer);
/// assert_eq!(StartMethod::current(), StartMethod::ForkServer);
/// ```
pub fn set_start_method(method: StartMethod) {
    DEFAULT.store(method as u8, Ordering::Relaxed);
}
