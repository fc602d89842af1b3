//! Calls on their way to an executor.

use std::fmt;
use std::sync::Arc;

use procspawn_core::Function;

use crate::sink::Sink;
use crate::{Data, Options};

/// Consecutive calls of one function, which an executor is to run.
///
/// Whoever implements [`Executor`](crate::Executor) gets them, cuts them into tasks of
/// [`chunk`](Work::chunk) calls, has each called or failed exactly once, and puts what comes of each
/// in the job's outcomes.
pub struct Work<F: Function<A>, A> {
    pub(crate) function: F,
    pub(crate) calls: Vec<A>,
    pub(crate) first: u64,
    pub(crate) chunk: usize,
    pub(crate) options: Options,
    pub(crate) outcomes: Arc<dyn Sink<F::Output>>,
}

impl<F: Function<A, Output: Data>, A: Data> Work<F, A> {
    /// What is called.
    #[must_use]
    pub fn function(&self) -> F {
        self.function
    }

    /// The index of the first call.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many calls a task should have.
    #[must_use]
    pub fn chunk(&self) -> usize {
        self.chunk
    }

    /// How they are to be run.
    #[must_use]
    pub fn options(&self) -> Options {
        self.options
    }

    /// Where what comes of them is put.
    #[must_use]
    pub fn outcomes(&self) -> Arc<dyn Sink<F::Output>> {
        self.outcomes.clone()
    }

    /// The arguments, one tuple for each call.
    #[must_use]
    pub fn into_calls(self) -> Vec<A> {
        self.calls
    }

    /// Ends all calls without having begun them.
    pub fn fail(self, error: &crate::TaskError) {
        for index in self.first..self.first + self.calls.len() as u64 {
            self.outcomes.fail(index, error.clone());
        }
        self.outcomes.wake();
    }
}

impl<F: Function<A>, A> fmt::Debug for Work<F, A> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Work")
            .field("function", &std::any::type_name::<F>())
            .field("first", &self.first)
            .field("calls", &self.calls.len())
            .finish_non_exhaustive()
    }
}
