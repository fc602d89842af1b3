//! What all pools can do.

use std::sync::Arc;

use ipc_shm::{Shareable, SharedSlice};
use procspawn_core::Function;

use crate::call::Call;
use crate::control::Control;
use crate::imap::{Imap, ImapUnordered};
use crate::work::Work;
use crate::{Data, Handle, MapHandle, TaskError};

/// How many parts of a slice each worker gets, so that the slow do not keep the others waiting.
const PARTS: usize = 4;

/// Runs calls of functions: in processes, in threads, or right here.
///
/// Who implements it says what becomes of [`Work`]; all else follows. A function is a function item
/// or a closure that captures nothing, so that the same program runs on every executor.
///
/// # Examples
///
/// ```
/// use pool::{Executor, SerialPool, ThreadPool};
///
/// fn sum_of_squares(pool: &impl Executor, numbers: Vec<u64>) -> Result<u64, pool::TaskError> {
///     Ok(pool.map(|x: u64| x * x, numbers)?.into_iter().sum())
/// }
///
/// let (serial, threads) = (SerialPool::new(), ThreadPool::new()?);
/// assert_eq!(sum_of_squares(&serial, vec![1, 2, 3])?, 14);
/// assert_eq!(sum_of_squares(&threads, vec![1, 2, 3])?, 14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Executor {
    /// How many calls can run at a time.
    fn workers(&self) -> usize;

    /// Takes on calls. What becomes of each is put in the work's outcomes exactly once, even if
    /// that is an error.
    fn accept<F, A>(&self, work: Work<F, A>)
    where
        F: Function<A, Output: Data>,
        A: Data;

    /// What handles use.
    fn control(&self) -> Arc<dyn Control>;

    /// A function to be called, for which more can be asked than the methods below do.
    fn call<F: Copy>(&self, function: F) -> Call<'_, Self, F> {
        Call::new(self, function)
    }

    /// Calls `function` with the elements of the tuple `args`, later.
    fn submit<F, A>(&self, function: F, args: A) -> Handle<F::Output>
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        self.call(function).submit(args)
    }

    /// Calls `function` with the elements of the tuple `args`, and waits for the value.
    ///
    /// # Errors
    ///
    /// When the call has no value.
    fn apply<F, A>(&self, function: F, args: A) -> Result<F::Output, TaskError>
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        self.call(function).apply(args)
    }

    /// The same as [`submit`](Executor::submit), with a callback for the value and one for the
    /// error; see [`Handle::then`].
    fn apply_async<F, A>(
        &self,
        function: F,
        args: A,
        callback: impl FnOnce(F::Output) + Send + 'static,
        error_callback: impl FnOnce(TaskError) + Send + 'static,
    ) -> Handle<()>
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        self.submit(function, args).on_end(callback, error_callback)
    }

    /// Calls `function` with each element, and gives the values in their order.
    ///
    /// The iterator is asked for elements as workers need them.
    ///
    /// # Errors
    ///
    /// The error of the first call, by its place, that has no value; after all have ended.
    fn map<F, T>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<F::Output>, TaskError>
    where
        F: Function<(T,), Output: Data>,
        T: Data,
    {
        self.call(function).map(items)
    }

    /// The same, later. All elements are taken now.
    fn map_async<F, T>(
        &self,
        function: F,
        items: impl IntoIterator<Item = T>,
    ) -> MapHandle<F::Output>
    where
        F: Function<(T,), Output: Data>,
        T: Data,
    {
        self.call(function).map_async(items)
    }

    /// Calls `function` with the elements of each tuple, and gives the values in their order.
    ///
    /// # Errors
    ///
    /// As [`map`](Executor::map).
    fn starmap<F, A>(
        &self,
        function: F,
        calls: impl IntoIterator<Item = A>,
    ) -> Result<Vec<F::Output>, TaskError>
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        self.call(function).starmap(calls)
    }

    /// The same, later. All tuples are taken now.
    fn starmap_async<F, A>(
        &self,
        function: F,
        calls: impl IntoIterator<Item = A>,
    ) -> MapHandle<F::Output>
    where
        F: Function<A, Output: Data>,
        A: Data,
    {
        self.call(function).starmap_async(calls)
    }

    /// Cuts a slice in shared memory into parts, a few for each worker, calls `function` with each,
    /// and gives the values in the order of the parts. Workers read and write the elements in
    /// place; none is copied.
    ///
    /// # Errors
    ///
    /// As [`map`](Executor::map).
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shm::SharedSlice;
    /// use pool::{Executor, ThreadPool};
    ///
    /// let pool = ThreadPool::new()?;
    /// let numbers = SharedSlice::from_slice(&[1_u64, 2, 3, 4])?;
    /// let square = |part: SharedSlice<u64>| {
    ///     part.write().expect("nobody else has it").iter_mut().for_each(|x| *x *= *x);
    /// };
    /// pool.map_slice(square, &numbers)?;
    /// assert_eq!(numbers.to_vec()?, [1, 4, 9, 16]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn map_slice<F, T>(
        &self,
        function: F,
        slice: &SharedSlice<T>,
    ) -> Result<Vec<F::Output>, TaskError>
    where
        F: Function<(SharedSlice<T>,), Output: Data>,
        T: Shareable + Copy,
    {
        let parts = (self.workers() * PARTS).min(slice.len().max(1));
        self.call(function).chunk_size(1).map(slice.split(parts))
    }

    /// Calls `function` with each element, and gives the values in their order while it runs.
    ///
    /// It takes elements only as values are taken from it, so the iterator may be endless.
    fn imap<F, T, I>(
        &self,
        function: F,
        items: I,
    ) -> Imap<'_, Self, F, (T,), impl Iterator<Item = (T,)> + use<'_, Self, F, T, I>>
    where
        F: Function<(T,), Output: Data>,
        T: Data,
        I: IntoIterator<Item = T>,
    {
        self.call(function).imap(items)
    }

    /// The same, with the values in the order in which the calls end.
    fn imap_unordered<F, T, I>(
        &self,
        function: F,
        items: I,
    ) -> ImapUnordered<'_, Self, F, (T,), impl Iterator<Item = (T,)> + use<'_, Self, F, T, I>>
    where
        F: Function<(T,), Output: Data>,
        T: Data,
        I: IntoIterator<Item = T>,
    {
        self.call(function).imap_unordered(items)
    }
}
