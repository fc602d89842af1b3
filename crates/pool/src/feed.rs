//! Hands the calls of a job to an executor as fast as their outcomes are taken.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

use procspawn_core::Function;

use crate::batch::{Arrivals, Batch, Collected};
use crate::chunk::Chunks;
use crate::control::{Control, Running};
use crate::executor::Executor;
use crate::sink::Outcomes;
use crate::work::Work;
use crate::{Data, Options, Progress, TaskError};

/// A job whose calls come from an iterator.
///
/// Dropping it cancels what has not begun.
pub(crate) struct Feed<'e, E: Executor + ?Sized, F: Function<A>, A, I> {
    executor: &'e E,
    control: Arc<dyn Control>,
    function: F,
    /// `None` once it has ended.
    calls: Option<I>,
    /// What the iterator ended with, if that was a panic.
    panic: Option<Box<dyn Any + Send>>,
    options: Options,
    chunks: Chunks,
    batch: Arc<Batch<F::Output>>,
    /// The same as the executor knows it.
    job: Arc<dyn Outcomes>,
    arrivals: Arrivals<F::Output>,
    submitted: u64,
    /// How many outcomes the user has had.
    taken: u64,
    seen: Collected,
    arguments: std::marker::PhantomData<A>,
}

impl<'e, E, F, A, I> Feed<'e, E, F, A, I>
where
    E: Executor + ?Sized,
    F: Function<A, Output: Data>,
    A: Data,
    I: Iterator<Item = A>,
{
    pub(crate) fn new(
        executor: &'e E,
        function: F,
        calls: I,
        options: Options,
        chunks: Chunks,
    ) -> Self {
        let batch = Batch::new();
        Feed {
            executor,
            control: executor.control(),
            function,
            calls: Some(calls),
            panic: None,
            options,
            chunks,
            job: batch.clone(),
            batch,
            arrivals: Arrivals::default(),
            submitted: 0,
            taken: 0,
            seen: Collected::default(),
            arguments: std::marker::PhantomData,
        }
    }

    /// Hands over calls until the window is full; to be called often, it does something only when
    /// the window is half empty.
    pub(crate) fn fill(&mut self) {
        let cost = self.seen.cost;
        let left = self.calls_left();
        let chunk = self.chunks.next(cost.per_call(), left);
        let window = self.chunks.window(chunk, cost.per_call(), cost.bytes_per_value());
        let under_way = usize::try_from(self.submitted - self.taken).unwrap_or(usize::MAX);
        if under_way > window / 2 && under_way > 0 {
            return;
        }
        let room = window.saturating_sub(under_way).max(1);
        self.hand_over(room, chunk.min(room));
    }

    /// Hands over all calls at once, which is what jobs do that nobody feeds.
    pub(crate) fn fill_all(&mut self) {
        while self.calls.is_some() {
            let chunk = self.chunks.next(None, self.calls_left());
            self.hand_over(usize::MAX, chunk);
        }
        self.pass_on_panic();
    }

    /// Takes no more calls.
    pub(crate) fn end(&mut self) {
        self.calls = None;
    }

    /// Panics if the iterator has, with the calls before that handed over.
    pub(crate) fn pass_on_panic(&mut self) {
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
    }

    /// True when every call has been handed over and its outcome taken.
    pub(crate) fn is_over(&self) -> bool {
        self.calls.is_none() && self.taken == self.submitted
    }

    /// How many calls have been handed over whose outcome has not been taken.
    pub(crate) fn under_way(&self) -> u64 {
        self.submitted - self.taken
    }

    /// Waits until `some` more calls have an outcome, but not beyond `deadline`, and gives these
    /// out.
    pub(crate) fn collect(
        &mut self,
        some: u64,
        deadline: Option<Instant>,
        mut give: impl FnMut(u64, Result<F::Output, TaskError>),
    ) -> usize {
        let goal = (self.seen.settled + some).min(self.submitted);
        self.control.help(&|| self.batch.settled() >= goal, deadline);
        self.seen = self.batch.collect(goal, deadline, &mut self.arrivals);
        let mut count = 0;
        self.arrivals.drain(|index, result| {
            count += 1;
            give(index, result);
        });
        count
    }

    /// Notes that the user has had so many more outcomes.
    pub(crate) fn take(&mut self, outcomes: u64) {
        self.taken += outcomes;
    }

    pub(crate) fn progress(&self) -> Progress {
        self.batch.progress().clone()
    }

    pub(crate) fn submitted(&self) -> u64 {
        self.submitted
    }

    /// Lets the job go on by itself.
    pub(crate) fn forget(mut self) -> Arc<Batch<F::Output>> {
        self.taken = self.submitted;
        self.batch.clone()
    }

    /// How many calls the iterator has left, if it says so.
    fn calls_left(&self) -> Option<usize> {
        let (least, most) = self.calls.as_ref()?.size_hint();
        most.filter(|most| *most == least)
    }

    fn hand_over(&mut self, count: usize, chunk: usize) {
        let Some(iterator) = &mut self.calls else { return };
        let count = count.min(chunk.saturating_mul(16).max(1024));
        let mut calls = Vec::new();
        let taken = catch_unwind(AssertUnwindSafe(|| calls.extend(iterator.take(count))));
        self.panic = taken.err();
        if calls.len() < count {
            self.calls = None;
        }
        if calls.is_empty() {
            return;
        }
        let first = self.submitted;
        self.submitted += calls.len() as u64;
        self.batch.progress().submit(calls.len() as u64);
        let (function, options, outcomes) = (self.function, self.options, self.batch.clone());
        self.executor.accept(Work { function, calls, first, chunk, options, outcomes });
    }
}

impl<E: Executor + ?Sized, F: Function<A>, A, I> Drop for Feed<'_, E, F, A, I> {
    fn drop(&mut self) {
        if self.taken < self.submitted {
            self.control.cancel(&self.job, Running::Leave);
        }
    }
}
