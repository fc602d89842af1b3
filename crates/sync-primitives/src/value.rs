//! A value with a lock, in shared memory: Python's `Value`.

use std::fmt;
use std::io;
use std::ops::Deref;

use ipc_shm::{Shareable, Shared};

use crate::error::LockError;
use crate::mutex::{Mutex, MutexGuard};

/// A number or a struct of your own, in shared memory, with the lock that guards it.
///
/// It is a handle, which can be cloned and sent. It dereferences to its [`Mutex`]: lock it for more
/// than one step. For a value without a lock there is [`RawValue`](ipc_shm::RawValue), which is
/// quicker and atomic for numbers.
///
/// When a process dies while it holds the lock, every operation says [`LockError::OwnerDied`] until
/// somebody locks, looks, and marks the value consistent.
///
/// # Examples
///
/// ```
/// use ipc_shm::Shareable;
/// use sync_primitives::Value;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Shareable)]
/// #[repr(C)]
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// let point = Value::new(Point { x: 1.0, y: 2.0 })?;
/// point.update(|point| point.x += 1.0)?; // One step: nobody comes in between.
/// point.lock()?.y = 0.0;
/// assert_eq!(point.get()?, Point { x: 2.0, y: 0.0 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(feature = "transfer", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "transfer", serde(bound = "T: Shareable"))]
pub struct Value<T: Shareable>(Shared<Mutex<T>>);

impl<T: Shareable> Value<T> {
    /// Places `value` in shared memory of its own.
    ///
    /// # Errors
    ///
    /// When there is no memory or no room for one more open file.
    pub fn new(value: T) -> io::Result<Value<T>> {
        Ok(Value(Shared::new(Mutex::new(value))?))
    }

    /// A handle to a value that is in shared memory already, under a name for instance.
    pub fn from_shared(shared: Shared<Mutex<T>>) -> Value<T> {
        Value(shared)
    }

    /// A copy of the value.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`], without the guard.
    pub fn get(&self) -> Result<T, LockError<()>>
    where
        T: Copy,
    {
        self.update(|value| *value)
    }

    /// Replaces the value.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`], without the guard; the value is not replaced then.
    pub fn set(&self, value: T) -> Result<(), LockError<()>> {
        self.update(|place| *place = value)
    }

    /// Changes the value in one step, and gives what `change` gives.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`], without the guard; `change` has not been called then.
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, LockError<()>> {
        let mut guard = self.lock().map_err(without_guard)?;
        Ok(change(&mut guard))
    }
}

/// The error alone; the lock is let go.
pub(crate) fn without_guard<T>(error: LockError<MutexGuard<'_, T>>) -> LockError<()> {
    error.map(drop)
}

impl<T: Shareable> Deref for Value<T> {
    type Target = Mutex<T>;

    fn deref(&self) -> &Mutex<T> {
        &self.0
    }
}

impl<T: Shareable> Clone for Value<T> {
    fn clone(&self) -> Self {
        Value(self.0.clone())
    }
}

impl<T: Shareable> fmt::Debug for Value<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Value").field(&**self).finish()
    }
}
