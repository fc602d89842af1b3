//! The kinds of queues: a test of what all of them do is written once and runs for each.
//!
//! [`Kind`] is what all five can do. [`Made`] is a [`Queue`] however it was made: all but the simple
//! one, whose handle hides the rest. A joinable queue, too, is one for whom its `Queue` will do.

use std::ops::Deref;
use std::time::{Duration, Instant};

use queues::{GetError, JoinableQueue, PutError, Queue, SimpleQueue};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Now,
    Wait,
    For(Duration),
    Until(Instant),
}

/// The one line that differs between the four forms of an operation.
macro_rules! in_form {
    ($how:expr, $queue:expr, [$wait:ident $now:ident $for:ident $until:ident] $($arg:expr),*) => {
        match $how {
            $crate::kinds::How::Wait => $queue.$wait($($arg),*),
            $crate::kinds::How::Now => $queue.$now($($arg),*),
            $crate::kinds::How::For(timeout) => $queue.$for($($arg,)* timeout),
            $crate::kinds::How::Until(deadline) => $queue.$until($($arg,)* deadline),
        }
    };
}

/// A handle of some kind of queue.
pub(crate) trait Handle<T>:
    Clone + Send + Sync + Serialize + DeserializeOwned + 'static
{
    fn put(&self, item: T, how: How) -> Result<(), PutError<T>>
    where
        T: Serialize;
    fn get(&self, how: How) -> Result<T, GetError>
    where
        T: DeserializeOwned;
    fn is_empty(&self) -> bool;
    fn close(&self);

    /// Puts what has room, or soon has.
    #[track_caller]
    fn give(&self, item: T)
    where
        T: Serialize,
    {
        let deadline = crate::support::soon();
        self.put(item, How::Until(deadline)).unwrap();
        assert!(Instant::now() < deadline, "only the deadline has ended it");
    }

    /// Takes what is there, or soon is.
    #[track_caller]
    fn have(&self) -> T
    where
        T: DeserializeOwned,
    {
        let deadline = crate::support::soon();
        let item = self.get(How::Until(deadline)).unwrap();
        assert!(Instant::now() < deadline, "only the deadline has ended it");
        item
    }
}

macro_rules! handle {
    ($($queue:ident),*) => {$(
        impl<T: 'static> Handle<T> for $queue<T> {
            fn put(&self, item: T, how: How) -> Result<(), PutError<T>>
            where
                T: Serialize,
            {
                in_form!(how, self, [put try_put put_timeout put_deadline] item)
            }

            fn get(&self, how: How) -> Result<T, GetError>
            where
                T: DeserializeOwned,
            {
                in_form!(how, self, [get try_get get_timeout get_deadline])
            }

            fn is_empty(&self) -> bool {
                $queue::is_empty(self)
            }

            fn close(&self) {
                $queue::close(self);
            }
        }
    )*};
}

handle! { Queue, SimpleQueue }

impl<T: 'static> Handle<T> for JoinableQueue<T> {
    fn put(&self, item: T, how: How) -> Result<(), PutError<T>>
    where
        T: Serialize,
    {
        Handle::put(self.deref(), item, how)
    }

    fn get(&self, how: How) -> Result<T, GetError>
    where
        T: DeserializeOwned,
    {
        let item = Handle::get(self.deref(), how)?;
        self.task_done().expect("it was taken here");
        Ok(item)
    }

    fn is_empty(&self) -> bool {
        self.deref().is_empty()
    }

    fn close(&self) {
        self.deref().close();
    }
}

/// A kind of queue.
pub(crate) trait Kind: 'static {
    type Of<T: 'static>: Handle<T>;

    /// One with room for a few items at least.
    fn fresh<T: 'static>() -> Self::Of<T>;
}

/// A kind of queue with all operations of a [`Queue`].
pub(crate) trait Made: 'static {
    /// One with room for 64 short items, or a bit more.
    fn queue<T: 'static>() -> Queue<T>;
}

/// How many short items any [`Made`] queue can hold.
pub(crate) const ROOM: usize = 60;

macro_rules! kinds {
    ($($kind:ident: $queue:ident = $make:expr;)*) => {$(
        pub(crate) struct $kind;

        impl Kind for $kind {
            type Of<T: 'static> = $queue<T>;

            fn fresh<T: 'static>() -> $queue<T> {
                $make.unwrap()
            }
        }
    )*};
}

kinds! {
    Bounded: Queue = Queue::bounded(64);
    BoundedBytes: Queue = Queue::bounded_bytes(64 * 16);
    Unbounded: Queue = Queue::unbounded();
    Joinable: JoinableQueue = JoinableQueue::bounded(64);
    Simple: SimpleQueue = SimpleQueue::new();
}

macro_rules! made {
    ($($kind:ident)*) => {$(
        impl Made for $kind {
            fn queue<T: 'static>() -> Queue<T> {
                $kind::fresh::<T>().clone()
            }
        }
    )*};
}

made! { Bounded BoundedBytes Unbounded }

impl Made for Joinable {
    fn queue<T: 'static>() -> Queue<T> {
        Joinable::fresh::<T>().deref().clone()
    }
}

/// Makes tests of bodies that are generic in the kind of queue.
///
/// `all` are for [`Kind`], the others for [`Made`]; `here` runs a body as a plain test, and
/// `each_method` and `only Spawn` run it in a host.
macro_rules! each_kind {
    (all $how:tt: $($body:ident),* $(,)?) => {$(
        mod $body {
            use crate::kinds::{Bounded, BoundedBytes, Joinable, Simple, Unbounded};
            crate::kinds::each_kind! { @$how $body
                bounded Bounded, bounded_bytes BoundedBytes, unbounded Unbounded,
                joinable Joinable, simple Simple
            }
        }
    )*};
    (made $how:tt: $($body:ident),* $(,)?) => {$(
        mod $body {
            use crate::kinds::{Bounded, BoundedBytes, Joinable, Unbounded};
            crate::kinds::each_kind! { @$how $body
                bounded Bounded, bounded_bytes BoundedBytes, unbounded Unbounded,
                joinable Joinable
            }
        }
    )*};
    (@here $body:ident $($name:ident $kind:ident),*) => {$(
        #[test]
        fn $name() {
            super::$body::<$kind>();
        }
    )*};
    (@each_method $body:ident $($name:ident $kind:ident),*) => {$(
        mod $name {
            crate::support::three_tests! { super::super::$body::<super::$kind> }
        }
    )*};
    (@spawn $body:ident $($name:ident $kind:ident),*) => {$(
        #[test]
        fn $name() {
            let method = procspawn_core::StartMethod::Spawn;
            crate::support::in_host(super::$body::<$kind>, method);
        }
    )*};
}

pub(crate) use {each_kind, in_form};
