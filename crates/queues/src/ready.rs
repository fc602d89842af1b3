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
use crate::queue::Queue;
use crate::receiver::Receiver;
use crate::simple::SimpleQueue;
use crate::sys;

/// What one finds who is about to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There is something to take, or the stream has ended.
    Ready,
    /// There is nothing. The bell will ring, or the socket tell of the last sender's end.
    Nothing,
    /// There is nothing, but items are leased that may come back. If their consumer dies, only its
    /// lock tells. The bell may be ringing, since others who sleep there do not know of the leases yet.
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
        let locked = self.control().producers.try_lock();
        match locked.or_else(|error| self.shared.ring.after_death(error)) {
            Ok(producers) => Ok(self.arm_under(&producers)),
            Err(LockError::WouldBlock) => Ok(Look::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// The same for those who cannot nap meanwhile: they wait a moment for a producer.
    pub(crate) fn look(&self) -> Look {
        self.look_by(|producers| self.arm_under(producers))
    }

    /// An error counts as ready, since who gets is told of it at once.
    fn look_by(&self, arm: impl FnOnce(&MutexGuard<'_, Producers>) -> Look) -> Look {
        match self.lock_producers(Patience::Until(Instant::now())) {
            Ok(producers) => arm(&producers),
            Err(PutErrorKind::TimedOut | PutErrorKind::Stalled | PutErrorKind::Reserved) => {
                Look::Busy
            }
            Err(_) => Look::Ready,
        }
    }

    /// The mark is set under the lock: a producer that sees it clears it, and if another consumer took
    /// that item before we looked, we would sleep without.
    fn arm_under(&self, producers: &MutexGuard<'_, Producers>) -> Look {
        self.control().items.set_polled();
        match self.standing() {
            Look::Nothing => self.silence_under(producers),
            look => look,
        }
    }

    /// Who closes the queue or is done with a lease may do so without this lock, and we may have
    /// silenced what it rang: so we look again.
    fn silence_under(&self, _producers: &MutexGuard<'_, Producers>) -> Look {
        sys::silence(self.shared.bell.as_fd());
        let look = self.standing();
        if look == Look::Ready {
            sys::ring(self.shared.bell.as_fd());
        }
        look
    }

    fn standing(&self) -> Look {
        let control = self.control();
        // An item that is leased and comes back between these looks makes us say that all is over,
        // and whoever gets then finds it.
        let is_over = || control.fixed.closed() != 0 || self.is_left_alone();
        if self.has_items() || (is_over() && !self.is_lent_to_others()) {
            return Look::Ready;
        }
        if self.is_anything_leased() { Look::Lent } else { Look::Nothing }
    }

    /// True if somebody may return an item, be it this thread.
    pub(crate) fn is_anything_leased(&self) -> bool {
        self.control().takes.active().any(|(_, take)| take.leases() > 0)
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
        let look = self.look_by(|producers| match self.arm_under(producers) {
            // A consumer that sleeps by the bell since before this lease, and has not woken yet, will
            // not hear of it. It misses only that who has the lease dies. The other way, what was given
            // out would be readable as long as there is a lease.
            Look::Lent => self.silence_under(producers),
            look => look,
        });
        match look {
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
