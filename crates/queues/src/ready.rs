//! How the receiving end of a queue is waited for together with other things: what its bell says, and
//! the descriptor that is given out.
//!
//! The descriptor is an epoll over the bell and the receiving socket. It is made when it is first
//! asked for. From then on a form that does not wait and finds nothing silences the bell and arms it
//! again, so that who registers the descriptor once is told of everything that comes later.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use sync_primitives::{LockError, Mutex, MutexGuard, Watch};

use crate::control::Producers;
use crate::end::End;
use crate::error::{GetError, PutErrorKind};
use crate::joinable::JoinableQueue;
use crate::patience::Patience;
use crate::putting::sound;
use crate::queue::Queue;
use crate::receiver::Receiver;
use crate::simple::SimpleQueue;
use crate::sys;

/// What one finds who is about to sleep by the bell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There is something to take, or the stream has ended.
    Ready,
    /// There is nothing. The bell will ring, or the socket tell of the last sender's end.
    Nothing,
    /// Nothing can be put any more, but others have items that may come back. The bell rings when
    /// they do and when they are done; if their consumer dies, only its lock tells.
    Lent,
    /// A producer is in the middle of something. Nothing is armed.
    Busy,
}

/// What an end has given out to be polled.
#[derive(Debug, Default)]
pub(crate) struct GivenOut {
    any: AtomicBool,
    descriptor: OnceLock<OwnedFd>,
}

impl End {
    /// Has the bell ring with the next item or the end; silences it if there is neither. Does not
    /// wait for producers: an item that comes back needs no lock of theirs.
    pub(crate) fn arm(&self) -> Result<Look, GetError> {
        match self.control().producers.try_lock().or_else(sound) {
            Ok(producers) => Ok(self.arm_under(&producers, self.is_lent_to_others())),
            Err(LockError::WouldBlock) => Ok(Look::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// The same for those who cannot nap meanwhile: they wait a moment for a producer. An error counts
    /// as ready, since who gets is told of it at once.
    pub(crate) fn look(&self) -> Look {
        match self.lock_producers(Patience::Until(Instant::now())) {
            Ok(producers) => self.arm_under(&producers, false),
            Err(PutErrorKind::TimedOut | PutErrorKind::Stalled | PutErrorKind::Reserved) => {
                Look::Busy
            }
            Err(_) => Look::Ready,
        }
    }

    /// The mark is set under the lock: a producer that sees it clears it, and if another consumer took
    /// that item before we looked, we would sleep without.
    ///
    /// The bell keeps ringing if `others_may_rely_on_it`: they may have gone to sleep before an item
    /// was leased, and do not watch the lease. Whoever was given the descriptor cannot bear that, and
    /// is not told of such an item (see [`Leased`](crate::Leased)).
    fn arm_under(
        &self,
        _producers: &MutexGuard<'_, Producers>,
        others_may_rely_on_it: bool,
    ) -> Look {
        let control = self.control();
        control.items.set_polled();
        if self.has_items() {
            return Look::Ready;
        }
        let is_over = control.fixed.closed() != 0 || self.is_left_alone();
        if is_over && !self.is_lent_to_others() {
            return Look::Ready;
        }
        if !others_may_rely_on_it {
            sys::silence(self.shared.bell.as_fd());
        }
        // Who closes the queue or is done with a lease may do so without this lock, and we may have
        // silenced what it rang.
        let is_over = is_over || control.fixed.closed() != 0;
        if self.has_items() || (is_over && !self.is_lent_to_others()) {
            sys::ring(self.shared.bell.as_fd());
            return Look::Ready;
        }
        if is_over { Look::Lent } else { Look::Nothing }
    }

    /// Rings for those who sleep by the bell, after a change that is made without the lock. The mark
    /// stays: one of them may be about to rely on it.
    pub(crate) fn ring_if_polled(&self) {
        if self.control().items.is_polled() {
            sys::ring(self.shared.bell.as_fd());
        }
    }

    /// The producers' lock, for those who wait until it is free.
    pub(crate) fn producers(&self) -> &Mutex<Producers> {
        &self.control().producers
    }

    /// What tells that an item is no longer lent to another, for each.
    pub(crate) fn watch_leases(&self) -> impl Iterator<Item = Watch<'_>> {
        let lent = self.control().takes.active().filter(|(_, take)| take.is_leased_by_other());
        lent.map(|(_, take)| Watch::unlocked(take.holder()))
    }

    /// The descriptor that tells when something can be taken, armed.
    fn ready_fd(&self) -> io::Result<BorrowedFd<'_>> {
        let given = &self.given_out;
        let descriptor = match given.descriptor.get() {
            Some(descriptor) => descriptor,
            None => {
                let made = sys::either(self.shared.bell.as_fd(), self.as_fd())?;
                given.descriptor.get_or_init(|| made)
            }
        };
        given.any.store(true, Relaxed); // Others rely on it only for what comes after their own look.
        self.arm_given_out();
        Ok(descriptor.as_fd())
    }

    /// The same if there are no descriptors left: the bell alone.
    fn ready_fd_or_bell(&self) -> BorrowedFd<'_> {
        self.ready_fd().unwrap_or_else(|_| {
            self.given_out.any.store(true, Relaxed);
            self.arm_given_out();
            self.shared.bell.as_fd()
        })
    }

    /// After a look that found nothing: has what was given out tell of the next item.
    pub(crate) fn arm_given_out(&self) {
        if !self.given_out.any.load(Relaxed) {
            return;
        }
        match self.look() {
            Look::Nothing => {}
            Look::Lent => self.mute_socket(),
            // Who is kept away by a producer comes again at once, until that one is done.
            Look::Ready | Look::Busy => sys::ring(self.shared.bell.as_fd()),
        }
    }

    /// The socket would tell of the end from now on, but it is not there yet.
    fn mute_socket(&self) {
        if let Some(descriptor) = self.given_out.descriptor.get()
            && self.is_left_alone()
        {
            sys::unwatch(descriptor.as_fd(), self.as_fd());
        }
    }
}

macro_rules! ready {
    ($($queue:ident)*) => {$(
        impl<T> $queue<T> {
            /// A descriptor that is readable while there is something to get, or the stream has ended;
            /// for `poll`, `epoll` and runtimes.
            ///
            /// It belongs to this handle and its clones, and may be registered once for many items. It
            /// falls silent when one of them finds nothing by a form that does not wait, such as
            /// `try_get`, so take items by these until there are none. Who waits in `get` after it was
            /// readable may find that another consumer was quicker. Calling this looks anew.
            ///
            /// While a producer keeps a [reservation](crate::Reservation) open, or is stopped in the
            /// middle of an operation, it may be readable though there is nothing.
            ///
            /// # Errors
            ///
            /// When there is no room for one more open file.
            pub fn ready_fd(&self) -> io::Result<BorrowedFd<'_>> {
                self.receiving().ready_fd()
            }
        }

        #[doc = concat!("As [`ready_fd`](", stringify!($queue), "::ready_fd).")]
        ///
        /// If there is no room for one more open file, this is a descriptor that tells of items and of
        /// [`close`](crate::Queue::close), but not of the end of the last sender.
        impl<T> AsFd for $queue<T> {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.receiving().ready_fd_or_bell()
            }
        }
    )*};
}

ready! { Queue Receiver SimpleQueue }

/// As that of [`Queue`].
impl<T> AsFd for JoinableQueue<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        Queue::as_fd(self)
    }
}
