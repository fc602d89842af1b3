//! The secret that a family of processes shares.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ipc_pipe::AuthKey;

static KEY: Mutex<Option<AuthKey>> = Mutex::new(None);

/// The key that this process and its descendants share: 32 random bytes, made by the first of them
/// that asks or starts a process, and handed to every child over its private socket.
///
/// It is what listeners and clients within one family use, so that no other process can join in.
///
/// # Errors
///
/// When the system has no random numbers.
///
/// # Examples
///
/// ```
/// use procspawn_core::{Process, authkey};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// procspawn_core::init();
///
/// let process = Process::new(|| authkey().map_err(|error| error.to_string()), ()).start()?;
/// assert!(process.join()?? == authkey()?);
/// # Ok(())
/// # }
/// ```
pub fn authkey() -> io::Result<AuthKey> {
    let mut key = lock();
    match &*key {
        Some(key) => Ok(key.clone()),
        None => Ok(key.insert(AuthKey::generate()?).clone()),
    }
}

/// Sets the key of this process and of the children that it starts from now on.
pub fn set_authkey(key: AuthKey) {
    *lock() = Some(key);
}

/// Holds the key still during a fork.
pub(crate) fn frozen() -> impl Sized {
    lock()
}

fn lock() -> MutexGuard<'static, Option<AuthKey>> {
    // It is replaced as a whole.
    KEY.lock().unwrap_or_else(PoisonError::into_inner)
}
