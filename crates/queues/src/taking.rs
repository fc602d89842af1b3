//! How a consumer comes by an item: trying, waiting, and the end of the stream.

use std::os::fd::AsFd;

use sync_primitives::Watch;

use crate::end::End;
use crate::error::{GetError, PutErrorKind};
use crate::gate::LOOK;
use crate::getting::{Found, Getting};
use crate::patience::Patience;
use crate::ready::Look;
use crate::sys;
use crate::waiting::{Next, Waiting};

impl End {
    /// Runs `work` with the next item, as soon as there is one.
    #[inline]
    pub(crate) fn take<'a, R>(
        &'a self,
        patience: Patience,
        mut work: impl FnMut(Getting<'a>, Found<'a>) -> Result<R, GetError>,
    ) -> Result<R, GetError> {
        match self.try_take(patience, &mut work)? {
            Some(result) => Ok(result),
            None => self.take_patiently(patience, work),
        }
    }

    /// Does not look at the tail before it holds the lock: what consumers remember of it is often
    /// enough.
    #[inline]
    fn try_take<'a, R>(
        &'a self,
        patience: Patience,
        work: &mut impl FnMut(Getting<'a>, Found<'a>) -> Result<R, GetError>,
    ) -> Result<Option<R>, GetError> {
        let mut getting = self.begin_get(patience)?;
        match getting.next()? {
            Some(found) => work(getting, found).map(Some),
            None => Ok(None),
        }
    }

    #[cold]
    fn take_patiently<'a, R>(
        &'a self,
        patience: Patience,
        mut work: impl FnMut(Getting<'a>, Found<'a>) -> Result<R, GetError>,
    ) -> Result<R, GetError> {
        let mut waiting = Waiting::new(&self.control().items, &self.pace, patience);
        loop {
            let next = waiting.next();
            match next {
                Next::Try => {}
                Next::Arm if self.arm()? == Look::Busy => {
                    // Somebody puts, and may take his time: we nap again.
                    waiting.begin_again();
                }
                Next::Arm => {}
                Next::Sleep => {
                    self.sleep(patience);
                    waiting.begin_again();
                }
                Next::GiveUp => self.arm_given_out(),
            }
            self.shared.ring.prepare_front();
            let items = self.control().queued();
            if (items != 0 || self.has_items())
                && let Some(result) = self.try_take(patience, &mut work)?
            {
                waiting.end(items);
                return Ok(result);
            }
            if self.has_ended(next != Next::Try, patience)? {
                return Err(GetError::Disconnected);
            }
            if next == Next::GiveUp {
                return Err(gave_up(patience));
            }
        }
    }

    /// True if there is something to take at this instant.
    #[inline]
    pub(crate) fn has_items(&self) -> bool {
        let control = self.control();
        control.queued() != 0 || (control.takes.is_any_active() && self.has_returned())
    }

    #[cold]
    fn has_returned(&self) -> bool {
        let control = self.control();
        control.takes.is_any_returned(control.head().unit)
    }

    /// True if there is nothing to take, and never will be. If `surely`, the kernel is asked about
    /// senders that were killed.
    fn has_ended(&self, surely: bool, patience: Patience) -> Result<bool, GetError> {
        let closed = self.control().fixed.closed() != 0;
        let is_over = closed || self.is_alone() || (surely && self.is_left_alone());
        if !is_over {
            return Ok(false);
        }
        if closed {
            // Who began to put before the queue was closed finishes first.
            drop(self.lock_producers(patience).map_err(into_get_error)?);
        }
        // While the lock is held, nothing is leased: what is not lent now has come back or is done.
        let _getting = self.begin_get(patience)?;
        Ok(!self.is_lent_to_others() && !self.has_items())
    }

    /// True if a living thread other than this one may return an item.
    pub(crate) fn is_lent_to_others(&self) -> bool {
        self.control().takes.active().any(|(_, take)| take.is_leased_by_other())
    }

    /// Sleeps until an item has come or come back, or the last sender has gone.
    fn sleep(&self, patience: Patience) {
        // While something is leased, the bell may ring on for others.
        if !self.is_anything_leased() {
            return sys::poll([self.shared.bell.as_fd(), self.as_fd()], patience.deadline());
        }
        let gate = &self.control().items;
        let announced = gate.announce();
        if self.has_items() {
            return;
        }
        let mut watches = vec![Watch::word(gate.word(), announced)];
        watches.extend(self.watch_leases());
        // There are fewer places than one wait can name; it may end early in any case. A producer that
        // dies has rung the bell, which nobody hears here.
        let _ = sync_primitives::wait_any(&watches, Some(patience.within(LOOK)));
    }

    /// An item has come back, or will: wakes somebody for it.
    pub(crate) fn announce_returned(&self) {
        self.control().items.wake(1);
        self.ring_if_polled();
    }
}

/// The producers' lock could not be had.
fn into_get_error(error: PutErrorKind) -> GetError {
    match error {
        PutErrorKind::TimedOut => GetError::TimedOut,
        PutErrorKind::TooManyHeld => GetError::TooManyHeld,
        PutErrorKind::Unsupported(why) => GetError::Unsupported(why),
        PutErrorKind::Corrupt(what) => GetError::Corrupt(what),
        _ => GetError::Stalled,
    }
}

fn gave_up(patience: Patience) -> GetError {
    match patience {
        Patience::None => GetError::Empty,
        _ => GetError::TimedOut,
    }
}
