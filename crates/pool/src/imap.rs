//! Iterators over the values of a job, while it runs.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use procspawn_core::Function;

use crate::executor::Executor;
use crate::feed::Feed;
use crate::{Data, Progress, TaskError};

/// The values of a job in the order of its calls: what [`imap`](crate::Executor::imap) gives.
///
/// It takes calls from its iterator only as values are taken from it. A call that fails is an error
/// at its place; the iterator goes on after it. If the iterator of the calls panics, so does this
/// one, after the values of the calls before. Dropping it cancels the calls that have not begun.
#[must_use = "it takes from its iterator only as values are taken"]
pub struct Imap<'e, E: Executor + ?Sized, F: Function<A>, A, I> {
    feed: Feed<'e, E, F, A, I>,
    /// Outcomes from the next one on, as far as they are there.
    ahead: VecDeque<Option<Result<F::Output, TaskError>>>,
    next: u64,
    invalid: Option<TaskError>,
}

/// The values of a job in the order in which its calls end: what
/// [`imap_unordered`](crate::Executor::imap_unordered) gives.
///
/// Otherwise it is as [`Imap`].
#[must_use = "it takes from its iterator only as values are taken"]
pub struct ImapUnordered<'e, E: Executor + ?Sized, F: Function<A>, A, I> {
    feed: Feed<'e, E, F, A, I>,
    ready: VecDeque<Result<F::Output, TaskError>>,
    invalid: Option<TaskError>,
}

impl<'e, E, F, A, I> Imap<'e, E, F, A, I>
where
    E: Executor + ?Sized,
    F: Function<A, Output: Data>,
    A: Data,
    I: Iterator<Item = A>,
{
    pub(crate) fn new(feed: Feed<'e, E, F, A, I>, invalid: Option<TaskError>) -> Self {
        Imap { feed, ahead: VecDeque::new(), next: 0, invalid }
    }

    /// The next value, unless it takes longer than `timeout`: then the inner `None`, and the
    /// iterator goes on. The outer `None` is the end.
    pub fn next_timeout(
        &mut self,
        timeout: Duration,
    ) -> Option<Option<Result<F::Output, TaskError>>> {
        // A timeout beyond the end of the clock is no timeout.
        self.next_until(Instant::now().checked_add(timeout))
    }

    fn next_until(
        &mut self,
        deadline: Option<Instant>,
    ) -> Option<Option<Result<F::Output, TaskError>>> {
        if let Some(invalid) = self.invalid.take() {
            self.feed.end();
            return Some(Some(Err(invalid)));
        }
        self.feed.fill();
        loop {
            if let Some(result) = self.ahead.front_mut().and_then(Option::take) {
                self.ahead.pop_front();
                self.next += 1;
                self.feed.take(1);
                return Some(Some(result));
            }
            if self.feed.is_over() {
                self.feed.pass_on_panic();
                return None;
            }
            let (ahead, next) = (&mut self.ahead, self.next);
            let came = self.feed.collect(1, deadline, |index, result| {
                let place = (index - next) as usize;
                if ahead.len() <= place {
                    ahead.resize_with(place + 1, || None);
                }
                ahead[place] = Some(result);
            });
            if came == 0 {
                return Some(None);
            }
        }
    }
}

impl<'e, E, F, A, I> ImapUnordered<'e, E, F, A, I>
where
    E: Executor + ?Sized,
    F: Function<A, Output: Data>,
    A: Data,
    I: Iterator<Item = A>,
{
    pub(crate) fn new(feed: Feed<'e, E, F, A, I>, invalid: Option<TaskError>) -> Self {
        ImapUnordered { feed, ready: VecDeque::new(), invalid }
    }

    /// The next value, unless it takes longer than `timeout`: then the inner `None`, and the
    /// iterator goes on. The outer `None` is the end.
    pub fn next_timeout(
        &mut self,
        timeout: Duration,
    ) -> Option<Option<Result<F::Output, TaskError>>> {
        // A timeout beyond the end of the clock is no timeout.
        self.next_until(Instant::now().checked_add(timeout))
    }

    fn next_until(
        &mut self,
        deadline: Option<Instant>,
    ) -> Option<Option<Result<F::Output, TaskError>>> {
        if let Some(invalid) = self.invalid.take() {
            self.feed.end();
            return Some(Some(Err(invalid)));
        }
        self.feed.fill();
        loop {
            if let Some(result) = self.ready.pop_front() {
                self.feed.take(1);
                return Some(Some(result));
            }
            if self.feed.is_over() {
                self.feed.pass_on_panic();
                return None;
            }
            let ready = &mut self.ready;
            if self.feed.collect(1, deadline, |_, result| ready.push_back(result)) == 0 {
                return Some(None);
            }
        }
    }
}

macro_rules! iterator {
    ($name:ident) => {
        impl<E, F, A, I> $name<'_, E, F, A, I>
        where
            E: Executor + ?Sized,
            F: Function<A, Output: Data>,
            A: Data,
            I: Iterator<Item = A>,
        {
            /// Counts the calls.
            #[must_use]
            pub fn progress(&self) -> Progress {
                self.feed.progress()
            }
        }

        impl<E, F, A, I> Iterator for $name<'_, E, F, A, I>
        where
            E: Executor + ?Sized,
            F: Function<A, Output: Data>,
            A: Data,
            I: Iterator<Item = A>,
        {
            type Item = Result<F::Output, TaskError>;

            fn next(&mut self) -> Option<Self::Item> {
                self.next_until(None).flatten()
            }
        }

        impl<E: Executor + ?Sized, F: Function<A>, A, I> fmt::Debug for $name<'_, E, F, A, I> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

iterator!(Imap);
iterator!(ImapUnordered);
