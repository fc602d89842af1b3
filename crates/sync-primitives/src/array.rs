//! An array with a lock, in shared memory: Python's `Array`.
#![allow(unsafe_code, reason = "makes a slice of what the lock guards")]

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use ipc_shm::{RawArray, Shareable, Shared};

use crate::error::LockError;
use crate::mutex::{Mutex, MutexGuard};
use crate::value::without_guard;

/// What can be an element of an [`Array`]: a [`Shareable`] type whose values can be copied.
pub trait Element: Shareable + Copy {}

impl<T: Shareable + Copy> Element for T {}

/// What locking gives: a guard, or why there is none, or a guard with a warning.
pub type ArrayResult<'a, T> = Result<ArrayGuard<'a, T>, LockError<ArrayGuard<'a, T>>>;

/// Numbers, or structs of your own, in shared memory, with a lock for all of them.
///
/// It is a handle, which can be cloned and sent. Lock it to have the elements as a slice; the forms
/// for one element lock for themselves. Without a lock there is [`RawArray`], and
/// [`SharedSlice`](ipc_shm::SharedSlice) to have several processes write parts of their own.
///
/// When a process dies while it holds the lock, every operation says [`LockError::OwnerDied`] until
/// somebody locks, looks, and marks the array consistent.
///
/// # Examples
///
/// ```
/// use sync_primitives::Array;
///
/// let numbers = Array::from_slice(&[3, 1, 2])?;
/// numbers.lock()?.sort();
/// assert_eq!(numbers.to_vec()?, [1, 2, 3]);
/// numbers.set(2, 30)?;
/// assert_eq!(numbers.get(2)?, 30);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(feature = "transfer", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "transfer", serde(bound = ""))]
pub struct Array<T: Element> {
    lock: Shared<Mutex<()>>,
    elements: RawArray<T>,
}

impl<T: Element> Array<T> {
    /// An array of `len` elements, all of whose bytes are 0.
    ///
    /// # Errors
    ///
    /// When `len` is 0, there is no memory, or no room for two more open files.
    pub fn with_len(len: usize) -> io::Result<Array<T>> {
        Array::around(RawArray::with_len(len)?)
    }

    /// An array with a copy of `elements`.
    ///
    /// # Errors
    ///
    /// As [`with_len`](Array::with_len).
    pub fn from_slice(elements: &[T]) -> io::Result<Array<T>> {
        Array::around(RawArray::from_slice(elements)?)
    }

    /// How many elements there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Takes the lock, waiting as long as a live thread holds it.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`].
    pub fn lock(&self) -> ArrayResult<'_, T> {
        self.guarded(self.lock.lock())
    }

    /// Takes the lock if it is free at this instant.
    ///
    /// # Errors
    ///
    /// As [`Mutex::try_lock`].
    pub fn try_lock(&self) -> ArrayResult<'_, T> {
        self.guarded(self.lock.try_lock())
    }

    /// Takes the lock, waiting for `timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock_timeout`].
    pub fn lock_timeout(&self, timeout: Duration) -> ArrayResult<'_, T> {
        self.guarded(self.lock.lock_timeout(timeout))
    }

    /// Takes the lock, waiting until `deadline` at most.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock_deadline`].
    pub fn lock_deadline(&self, deadline: Instant) -> ArrayResult<'_, T> {
        self.guarded(self.lock.lock_deadline(deadline))
    }

    /// A copy of the element at `index`.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`], without the guard.
    ///
    /// # Panics
    ///
    /// When there is no such element; the array is not poisoned by that.
    #[track_caller]
    pub fn get(&self, index: usize) -> Result<T, LockError<()>> {
        self.check(index);
        self.update(|elements| elements[index])
    }

    /// Replaces the element at `index`.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`], without the guard.
    ///
    /// # Panics
    ///
    /// When there is no such element; the array is not poisoned by that.
    #[track_caller]
    pub fn set(&self, index: usize, element: T) -> Result<(), LockError<()>> {
        self.check(index);
        self.update(|elements| elements[index] = element)
    }

    /// A copy of all elements, taken under the lock.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`], without the guard.
    pub fn to_vec(&self) -> Result<Vec<T>, LockError<()>> {
        self.update(|elements| elements.to_vec())
    }

    /// Changes elements in one step, and gives what `change` gives.
    ///
    /// # Errors
    ///
    /// As [`Mutex::lock`], without the guard; `change` has not been called then.
    pub fn update<R>(&self, change: impl FnOnce(&mut [T]) -> R) -> Result<R, LockError<()>> {
        let guard = self.lock.lock().map_err(without_guard)?;
        let mut guard = ArrayGuard { array: self, lock: guard };
        Ok(change(&mut guard))
    }

    /// Panics before the lock is taken, so that it is not poisoned by an index.
    #[track_caller]
    fn check(&self, index: usize) {
        let len = self.len();
        assert!(index < len, "index {index} of an array of {len}");
    }

    fn around(elements: RawArray<T>) -> io::Result<Array<T>> {
        Ok(Array { lock: Shared::new(Mutex::new(()))?, elements })
    }

    fn guarded<'a>(
        &'a self,
        lock: Result<MutexGuard<'a, ()>, LockError<MutexGuard<'a, ()>>>,
    ) -> ArrayResult<'a, T> {
        let guarded = |lock| ArrayGuard { array: self, lock };
        lock.map(guarded).map_err(|error| error.map(guarded))
    }
}

impl<T: Element> Clone for Array<T> {
    fn clone(&self) -> Self {
        Array { lock: self.lock.clone(), elements: self.elements.clone() }
    }
}

impl<T: Element> fmt::Debug for Array<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lock: &Mutex<()> = &self.lock;
        formatter.debug_struct("Array").field("len", &self.len()).field("lock", lock).finish()
    }
}

/// The elements of an [`Array`], under its lock. In a forked child dropping it does nothing.
#[must_use = "the lock is given back at once if the guard is dropped"]
pub struct ArrayGuard<'a, T: Element> {
    array: &'a Array<T>,
    lock: MutexGuard<'a, ()>,
}

impl<T: Element> ArrayGuard<'_, T> {
    /// Says that the elements are well again, after [`LockError::OwnerDied`] or `Poisoned`.
    pub fn mark_consistent(guard: &Self) {
        MutexGuard::mark_consistent(&guard.lock);
    }
}

impl<T: Element> Deref for ArrayGuard<'_, T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let elements = &self.array.elements;
        // SAFETY: the region holds so many elements for as long as the handle lives; nobody reaches
        // them but through this lock, which the guard holds, and every bit pattern is a `T`.
        unsafe { std::slice::from_raw_parts(elements.as_ptr(), elements.len()) }
    }
}

impl<T: Element> DerefMut for ArrayGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let elements = &self.array.elements;
        // SAFETY: as in `deref`, and the guard is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(elements.as_ptr(), elements.len()) }
    }
}

impl<T: Element + fmt::Debug> fmt::Debug for ArrayGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
