//! How a consumer comes by items: trying, waiting, decoding, and the end of the stream.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use serde::de::DeserializeOwned;

use super::removing::Taken;
use super::store::{Holding, Store};
use crate::control::SHUT_DOWN;
use crate::error::{GetError, GetManyError};
use crate::parcel::{elsewhere, unpack};
use crate::patience::Patience;
use crate::ready::Look;
use crate::scratch::Scratch;
use crate::sys;
use crate::waiting::{Next, Waiting};

/// How many bytes are taken under one lock.
const BATCH_BYTES: usize = 16 << 10;

impl Store {
    #[inline]
    pub(crate) fn get_value<T: DeserializeOwned>(
        &self,
        patience: Patience,
    ) -> Result<(i64, T), GetError> {
        let mut buffer = Scratch::new();
        if let Some(priority) = self.take_at_once(&mut buffer) {
            return Ok((priority, unpack(&buffer, Vec::new())?));
        }
        let taken = self.take(patience, |holding| holding.remove(&mut buffer))?;
        Ok((taken.priority, decode(&buffer, taken)?))
    }

    /// The case of every day: the lock is free, and an item without descriptors is there.
    #[inline]
    fn take_at_once(&self, buffer: &mut Vec<u8>) -> Option<i64> {
        let mut holding = self.lock_at_once()?;
        let control = self.control();
        let is_any = holding.state.len > 0 && control.fixed.closed() != SHUT_DOWN;
        let taken = if is_any { holding.remove_plain(buffer) } else { None };
        drop(holding);
        if taken.is_some() {
            control.room.wake(1);
        }
        taken
    }

    /// Takes what is there, `max` items at most, as soon as there is one.
    pub(crate) fn get_values<T: DeserializeOwned>(
        &self,
        max: usize,
        patience: Patience,
    ) -> Result<Vec<T>, GetManyError<T>> {
        let (mut buffer, mut all) = (Scratch::new(), Vec::new());
        let mut result = match max {
            0 => Ok(()),
            _ => self.take(patience, |holding| holding.remove_many(max, &mut buffer, &mut all)),
        };
        let (mut items, mut begin) = (Vec::with_capacity(all.len()), 0);
        for taken in all {
            let end = taken.end;
            match decode(&buffer[begin..end], taken) {
                Ok(item) => items.push(item),
                Err(error) => result = Err(error),
            }
            begin = end;
        }
        match result {
            Ok(()) => Ok(items),
            Err(error) => Err(GetManyError { items, error }),
        }
    }

    /// Runs `work` under the lock, as soon as there is an item.
    fn take<R>(
        &self,
        patience: Patience,
        mut work: impl FnMut(&mut Holding<'_>) -> Result<R, GetError>,
    ) -> Result<R, GetError> {
        match self.try_take(patience, &mut work)? {
            Some(result) => Ok(result),
            None => self.take_patiently(patience, work),
        }
    }

    fn try_take<R>(
        &self,
        patience: Patience,
        work: &mut impl FnMut(&mut Holding<'_>) -> Result<R, GetError>,
    ) -> Result<Option<R>, GetError> {
        let control = self.control();
        let mut holding = self.lock(patience)?;
        let before = holding.state.len;
        let closed = control.fixed.closed();
        if before == 0 || closed == SHUT_DOWN {
            // Nobody can be about to put something: that takes the lock.
            return if closed == 0 { Ok(None) } else { Err(GetError::Disconnected) };
        }
        let result = work(&mut holding);
        let removed = before - holding.state.len;
        drop(holding);
        control.room.wake(removed);
        result.map(Some)
    }

    #[cold]
    fn take_patiently<R>(
        &self,
        patience: Patience,
        mut work: impl FnMut(&mut Holding<'_>) -> Result<R, GetError>,
    ) -> Result<R, GetError> {
        let control = self.control();
        let mut waiting = Waiting::new(&control.items, &self.taking, patience);
        loop {
            let next = waiting.next();
            match next {
                Next::Arm => drop(self.arm(patience)?),
                Next::Sleep => {
                    sys::poll([self.bell.as_fd()], patience.deadline());
                    waiting.begin_again();
                }
                Next::GiveUp => self.arm_given_out(),
                Next::Try => {}
            }
            let items = control.len();
            let is_likely = items > 0 || control.fixed.closed() != 0;
            if (is_likely || matches!(next, Next::Arm | Next::Sleep))
                && let Some(result) = self.try_take(patience, &mut work)?
            {
                waiting.end(items);
                return Ok(result);
            }
            if next == Next::GiveUp {
                return Err(gave_up(patience));
            }
        }
    }

    /// Has the bell ring with the next item, and now if there is one or none will come.
    ///
    /// Under the lock from the beginning: else somebody could put an item, ring and clear the mark,
    /// another take the item, and this one silence the bell for good.
    pub(crate) fn arm(&self, patience: Patience) -> Result<Look, GetError> {
        let control = self.control();
        let holding = self.lock(patience)?;
        control.items.set_polled();
        if holding.state.len == 0 {
            sys::silence(self.bell.as_fd());
        }
        // Who closes the queue without the lock rings afterwards; that may just have been silenced.
        if holding.state.len == 0 && control.fixed.closed() == 0 {
            Ok(Look::Nothing)
        } else {
            sys::ring(self.bell.as_fd());
            Ok(Look::Ready)
        }
    }

    /// The same for those who sleep by several things: they wait a moment for the lock. An error counts
    /// as ready, since who gets is told of it at once.
    pub(crate) fn look(&self) -> Look {
        match self.arm(Patience::Until(Instant::now())) {
            Ok(look) => look,
            Err(GetError::TimedOut | GetError::Stalled) => Look::Busy,
            Err(_) => Look::Ready,
        }
    }

    /// The bell, for those who poll it.
    pub(crate) fn give_out(&self) -> BorrowedFd<'_> {
        self.given_out.store(true, Relaxed); // Others rely on it only for what comes after our look.
        self.arm_given_out();
        self.bell.as_fd()
    }

    /// After a look that found nothing: has the bell, if it was given out, tell of the next item.
    fn arm_given_out(&self) {
        if self.given_out.load(Relaxed) && self.look() != Look::Nothing {
            // Who is kept away by somebody who has the lock comes again at once.
            sys::ring(self.bell.as_fd());
        }
    }
}

impl Holding<'_> {
    /// Takes items, at least one if there is no error, and copies their bytes to the end of `buffer`.
    fn remove_many(
        &mut self,
        max: usize,
        buffer: &mut Vec<u8>,
        all: &mut Vec<Taken>,
    ) -> Result<(), GetError> {
        while self.state.len > 0 && all.len() < max && buffer.len() <= BATCH_BYTES {
            let begin = buffer.len();
            match self.remove(buffer) {
                Ok(taken) => all.push(taken),
                Err(error) => {
                    buffer.truncate(begin);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// The value that an item is.
#[inline]
fn decode<T: DeserializeOwned>(bytes: &[u8], taken: Taken) -> Result<T, GetError> {
    if taken.is_elsewhere {
        return decode_elsewhere(bytes, taken);
    }
    unpack(bytes, taken.descriptors)
}

#[cold]
fn decode_elsewhere<T: DeserializeOwned>(entry: &[u8], mut taken: Taken) -> Result<T, GetError> {
    let file = elsewhere(entry, &mut taken.descriptors)?;
    let mut bytes = vec![0; file.len()];
    file.read_at(0, &mut bytes).map_err(|error| GetError::Io(error.into()))?;
    unpack(&bytes, taken.descriptors)
}

fn gave_up(patience: Patience) -> GetError {
    match patience {
        Patience::None => GetError::Empty,
        _ => GetError::TimedOut,
    }
}
