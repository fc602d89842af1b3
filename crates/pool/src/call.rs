//! A function about to be called by an executor, with what is asked for besides.

use std::fmt;
use std::time::Duration;

use procspawn_core::Function;

use crate::cell::Cell;
use crate::chunk::Chunks;
use crate::executor::Executor;
use crate::feed::Feed;
use crate::imap::{Imap, ImapUnordered};
use crate::sink::Outcomes;
use crate::work::Work;
use crate::{Data, Handle, MapHandle, Options, Retry, TaskError};

/// A function, and how its calls are to be run: what [`Executor::call`] gives.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use pool::{Executor, SerialPool};
///
/// let pool = SerialPool::new();
/// let double = pool.call(|x: u32| 2 * x).priority(3).timeout(Duration::from_secs(5));
/// assert_eq!(double.submit((21,)).get()?, 42);
/// assert_eq!(double.chunk_size(10).map(0..3)?, [0, 2, 4]);
/// # Ok::<(), pool::TaskError>(())
/// ```
#[must_use = "nothing is called before it is given arguments"]
pub struct Call<'e, E: ?Sized, F> {
    executor: &'e E,
    function: F,
    options: Options,
    chunk: Option<usize>,
    window: Option<usize>,
    window_bytes: Option<u64>,
}

impl<'e, E: Executor + ?Sized, F: Copy> Call<'e, E, F> {
    pub(crate) fn new(executor: &'e E, function: F) -> Self {
        let options = Options::default();
        Call { executor, function, options, chunk: None, window: None, window_bytes: None }
    }

    /// Tasks of a higher priority begin before those of a lower one, in whatever order they were
    /// given. The default is 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.options.priority = priority;
        self
    }

    /// A call that runs for longer is asked to stop: [`should_stop`](crate::should_stop) is true
    /// for it from then on. Its value counts all the same.
    pub fn soft_timeout(mut self, limit: Duration) -> Self {
        self.options.soft_timeout = Some(limit);
        self
    }

    /// A call that runs for longer is stopped, by killing the worker, and is
    /// [`TaskError::TimedOut`]. The time a task waits for a worker does not count.
    ///
    /// A thread cannot be killed: in a [`ThreadPool`](crate::ThreadPool) the call goes on, but its
    /// value is not waited for.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.options.timeout = Some(limit);
        self
    }

    /// Which failures are tried again. The default is none.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = retry;
        self
    }

    /// How many calls go into one task. By default that follows from how long they take.
    ///
    /// It must be at least 1: 0 is an error of whoever is given the calls.
    pub fn chunk_size(mut self, calls: usize) -> Self {
        self.chunk = Some(calls);
        self
    }

    /// How many calls [`imap`](Call::imap) and [`map`](Call::map) take from their iterator at most
    /// whose values have not been taken. The default is a few tasks for each worker.
    ///
    /// It must be at least 1: 0 is an error of whoever is given the calls.
    pub fn window(mut self, calls: usize) -> Self {
        self.window = Some(calls);
        self
    }

    /// The same limit, as how many bytes the encoded values of these calls should have at most, by
    /// the mean of those so far. At least one call is under way.
    pub fn window_bytes(mut self, bytes: u64) -> Self {
        self.window_bytes = Some(bytes);
        self
    }

    /// One call with these arguments, later.
    pub fn submit<A: Data>(&self, args: A) -> Handle<F::Output>
    where
        F: Function<A, Output: Data>,
    {
        let cell = Cell::new();
        let (function, options, outcomes) = (self.function, self.options, cell.clone());
        let work = Work { function, calls: vec![args], first: 0, chunk: 1, options, outcomes };
        self.executor.accept(work);
        Handle::new(cell, self.executor.control())
    }

    /// One call with these arguments, now.
    ///
    /// # Errors
    ///
    /// When the call has no value.
    pub fn apply<A: Data>(&self, args: A) -> Result<F::Output, TaskError>
    where
        F: Function<A, Output: Data>,
    {
        self.submit(args).get()
    }

    /// Calls the function with each element, and gives the values in their order.
    ///
    /// # Errors
    ///
    /// The error of the first call, by its place, that has no value; after all have ended.
    pub fn map<T: Data>(
        &self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<F::Output>, TaskError>
    where
        F: Function<(T,), Output: Data>,
    {
        self.starmap(items.into_iter().map(|item| (item,)))
    }

    /// The same with a tuple of arguments for each call.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn starmap<A: Data>(
        &self,
        calls: impl IntoIterator<Item = A>,
    ) -> Result<Vec<F::Output>, TaskError>
    where
        F: Function<A, Output: Data>,
    {
        self.starmap_each(calls)?.into_iter().collect()
    }

    /// Calls the function with each element, and says what became of each call.
    ///
    /// # Errors
    ///
    /// [`TaskError::Invalid`] if it was told to use chunks or a window of 0.
    pub fn map_each<T: Data>(
        &self,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<Result<F::Output, TaskError>>, TaskError>
    where
        F: Function<(T,), Output: Data>,
    {
        self.starmap_each(items.into_iter().map(|item| (item,)))
    }

    /// The same with a tuple of arguments for each call.
    ///
    /// # Errors
    ///
    /// The same.
    pub fn starmap_each<A: Data>(
        &self,
        calls: impl IntoIterator<Item = A>,
    ) -> Result<Vec<Result<F::Output, TaskError>>, TaskError>
    where
        F: Function<A, Output: Data>,
    {
        self.check()?;
        let mut feed = self.feed(calls.into_iter());
        let mut places: Vec<Option<Result<F::Output, TaskError>>> = Vec::new();
        while !feed.is_over() {
            feed.fill();
            feed.pass_on_panic();
            let half = feed.under_way().div_ceil(2);
            let came = feed.collect(half, None, |index, result| {
                let place = index as usize;
                if places.len() <= place {
                    places.resize_with(place + 1, || None);
                }
                places[place] = Some(result);
            });
            feed.take(came as u64);
        }
        Ok(places.into_iter().flatten().collect())
    }

    /// Calls the function with each element, later. All elements are taken now.
    pub fn map_async<T: Data>(&self, items: impl IntoIterator<Item = T>) -> MapHandle<F::Output>
    where
        F: Function<(T,), Output: Data>,
    {
        self.starmap_async(items.into_iter().map(|item| (item,)))
    }

    /// The same with a tuple of arguments for each call.
    pub fn starmap_async<A: Data>(&self, calls: impl IntoIterator<Item = A>) -> MapHandle<F::Output>
    where
        F: Function<A, Output: Data>,
    {
        let control = self.executor.control();
        let mut feed = self.feed(calls.into_iter());
        if let Err(invalid) = self.check() {
            let batch = feed.forget();
            batch.progress().submit(1);
            batch.fail(0, invalid);
            return MapHandle::new(batch, 1, control);
        }
        feed.fill_all();
        let total = feed.submitted();
        MapHandle::new(feed.forget(), total, control)
    }

    /// Calls the function with each element, and gives the values in their order while it runs.
    pub fn imap<T: Data, I: IntoIterator<Item = T>>(
        &self,
        items: I,
    ) -> Imap<'e, E, F, (T,), impl Iterator<Item = (T,)> + use<'e, E, F, T, I>>
    where
        F: Function<(T,), Output: Data>,
    {
        Imap::new(self.feed(items.into_iter().map(|item| (item,))), self.check().err())
    }

    /// The same, with the values in the order in which the calls end.
    pub fn imap_unordered<T: Data, I: IntoIterator<Item = T>>(
        &self,
        items: I,
    ) -> ImapUnordered<'e, E, F, (T,), impl Iterator<Item = (T,)> + use<'e, E, F, T, I>>
    where
        F: Function<(T,), Output: Data>,
    {
        ImapUnordered::new(self.feed(items.into_iter().map(|item| (item,))), self.check().err())
    }

    fn feed<A: Data, I: Iterator<Item = A>>(&self, calls: I) -> Feed<'e, E, F, A, I>
    where
        F: Function<A, Output: Data>,
    {
        let workers = self.executor.workers();
        let chunks = Chunks::new(workers, self.chunk, self.window, self.window_bytes);
        Feed::new(self.executor, self.function, calls, self.options, chunks)
    }

    fn check(&self) -> Result<(), TaskError> {
        let invalid = |what: &str| Err(TaskError::Invalid(format!("{what} must be at least 1")));
        match (self.chunk, self.window, self.window_bytes) {
            (Some(0), ..) => invalid("the chunk size"),
            (_, Some(0), _) | (_, _, Some(0)) => invalid("the window"),
            _ => Ok(()),
        }
    }
}

impl<E: ?Sized, F> fmt::Debug for Call<'_, E, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("function", &std::any::type_name::<F>())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
