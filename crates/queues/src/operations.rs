//! What handles do with values: packing, batches, unpacking. The handles' methods are one line each.

use std::os::fd::{AsFd, OwnedFd};

use ipc_pipe::carry;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::control::{CLOSED, SHUT_DOWN};
use crate::end::End;
use crate::error::{GetError, GetManyError, PutError, PutErrorKind};
use crate::getting::{Found, Getting, Out};
use crate::leased::Leased;
use crate::out::Lent;
use crate::parcel::{pack_bytes, unpack};
use crate::patience::Patience;
use crate::reservation::Reservation;
use crate::scratch::Scratch;
use crate::sys;
use crate::takes::{BORROWED, LEASED};

/// How many items are put or taken under one lock.
const BATCH: usize = 64;

/// How many bytes of a batch are encoded before the lock is taken.
const BATCH_BYTES: usize = 16 << 10;

impl End {
    #[inline]
    pub(crate) fn put_value<T: Serialize>(
        &self,
        item: T,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        let (mut buffer, mut descriptors) = (Scratch::new(), Vec::new());
        if let Err(error) = carry::encode(&item, &mut buffer, &mut descriptors) {
            return Err(PutError::new(item, error.into()));
        }
        if descriptors.is_empty() && self.put_at_once(&buffer) {
            return Ok(());
        }
        self.put_encoded_one(&buffer, descriptors, patience)
            .map_err(|kind| PutError::new(item, kind))
    }

    #[cold]
    fn put_encoded_one(
        &self,
        bytes: &[u8],
        descriptors: Vec<OwnedFd>,
        patience: Patience,
    ) -> Result<(), PutErrorKind> {
        let longest = self.shared.ring.shape().longest();
        pack_bytes(bytes, descriptors, longest, |parcel| self.put(parcel, patience))
    }

    pub(crate) fn put_raw(&self, bytes: &[u8], patience: Patience) -> Result<(), PutError<()>> {
        if self.put_at_once(bytes) {
            return Ok(());
        }
        let put = self.put_encoded_one(bytes, Vec::new(), patience);
        put.map_err(|kind| PutError::new((), kind))
    }

    pub(crate) fn reserve(
        &self,
        len: usize,
        patience: Patience,
    ) -> Result<Reservation<'_>, PutError<()>> {
        let ring = &self.shared.ring;
        if len > ring.shape().longest() {
            return Err(PutError::new((), PutErrorKind::TooLong));
        }
        let reserved = self.when_there_is_room(patience, |mut putting| {
            let unit = putting.reserve(len)?;
            let bytes = ring.memory().lend(ring.place_of(unit), len);
            Ok(Reservation::new(putting, unit, bytes))
        });
        reserved.map_err(|kind| PutError::new((), kind))
    }

    /// Puts many items, a batch at a time.
    pub(crate) fn put_values<T: Serialize>(
        &self,
        items: impl IntoIterator<Item = T>,
        patience: Patience,
    ) -> Result<(), PutError<Vec<T>>> {
        let mut items = items.into_iter();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.extend(items.by_ref().take(BATCH));
            if batch.is_empty() {
                return Ok(());
            }
            if let Err((put, kind)) = self.put_batch(&batch, patience) {
                batch.drain(..put);
                batch.extend(items);
                return Err(PutError::new(batch, kind));
            }
            batch.clear();
        }
    }

    /// Puts a batch; if that fails, tells how many have been put.
    fn put_batch<T: Serialize>(
        &self,
        batch: &[T],
        patience: Patience,
    ) -> Result<(), (usize, PutErrorKind)> {
        let mut put = 0;
        while put < batch.len() {
            let some = self.put_some(&batch[put..], &mut Scratch::new(), patience);
            put += some.map_err(|(some, kind)| (put + some, kind))?;
        }
        Ok(())
    }

    /// Puts as many items of a batch as are encoded before the lock is taken, at least one: up to
    /// one that is long or has descriptors, which is put by itself.
    fn put_some<T: Serialize>(
        &self,
        batch: &[T],
        buffer: &mut Vec<u8>,
        patience: Patience,
    ) -> Result<usize, (usize, PutErrorKind)> {
        let longest = self.shared.ring.shape().longest().min(BATCH_BYTES);
        let mut ends = [0_usize; BATCH];
        let mut count = 0;
        while count < batch.len() && buffer.len() <= BATCH_BYTES {
            let (begin, mut descriptors) = (buffer.len(), Vec::new());
            let encoded = carry::encode(&batch[count], buffer, &mut descriptors);
            if encoded.is_err() || !descriptors.is_empty() || buffer.len() - begin > longest {
                self.put_encoded(&buffer[..begin], &ends[..count], patience)?;
                let one = encoded
                    .map_err(PutErrorKind::from)
                    .and_then(|()| self.put_encoded_one(&buffer[begin..], descriptors, patience));
                return one.map(|()| count + 1).map_err(|kind| (count, kind));
            }
            ends[count] = buffer.len();
            count += 1;
        }
        self.put_encoded(buffer, &ends[..count], patience).map(|()| count)
    }

    /// Puts encoded items that lie one behind the other.
    fn put_encoded(
        &self,
        bytes: &[u8],
        ends: &[usize],
        patience: Patience,
    ) -> Result<(), (usize, PutErrorKind)> {
        if ends.is_empty() {
            return Ok(());
        }
        let mut put = 0;
        self.when_there_is_room(patience, |mut putting| {
            let mut result = Ok(());
            while let Some(&end) = ends.get(put) {
                let begin = put.checked_sub(1).map_or(0, |before| ends[before]);
                result = putting.add_plain(&bytes[begin..end]);
                if result.is_err() {
                    break;
                }
                put += 1;
            }
            putting.commit();
            result
        })
        .map_err(|kind| (put, kind))
    }

    #[inline]
    pub(crate) fn get_value<T: DeserializeOwned>(&self, patience: Patience) -> Result<T, GetError> {
        let mut buffer = Scratch::new();
        let descriptors = if self.get_at_once(&mut buffer) {
            Vec::new()
        } else {
            self.get_raw(&mut buffer, patience)?
        };
        self.unpack(&buffer, descriptors)
    }

    /// Decodes an item that has been taken. One that is no `T` needs no `task_done`.
    #[inline]
    fn unpack<T: DeserializeOwned>(
        &self,
        bytes: &[u8],
        descriptors: Vec<OwnedFd>,
    ) -> Result<T, GetError> {
        let value = unpack(bytes, descriptors);
        if value.is_err() {
            self.forgive_one();
        }
        value
    }

    /// Copies the bytes of the next item to the end of `buffer`, and gives its descriptors.
    #[cold]
    pub(crate) fn get_raw(
        &self,
        buffer: &mut Vec<u8>,
        patience: Patience,
    ) -> Result<Vec<OwnedFd>, GetError> {
        self.take(patience, |getting, found| self.get_found(getting, found, buffer))
    }

    /// The same without the descriptors, which are closed.
    #[inline]
    pub(crate) fn get_raw_into(
        &self,
        buffer: &mut Vec<u8>,
        patience: Patience,
    ) -> Result<(), GetError> {
        if self.get_at_once(buffer) { Ok(()) } else { self.get_raw(buffer, patience).map(drop) }
    }

    /// The case of every day: the lock is free, and a short item without descriptors is there.
    #[inline]
    fn get_at_once(&self, buffer: &mut Vec<u8>) -> bool {
        let Some(mut getting) = self.begin_get_at_once() else { return false };
        let copied = getting.copy_plain(buffer);
        getting.end(1);
        copied
    }

    #[inline]
    fn get_found<'a>(
        &'a self,
        mut getting: Getting<'a>,
        found: Found<'a>,
        buffer: &mut Vec<u8>,
    ) -> Result<Vec<OwnedFd>, GetError> {
        if found.is_short() {
            let descriptors = getting.copy(found, buffer);
            getting.end(1);
            return descriptors;
        }
        self.get_long(getting, found, buffer)
    }

    /// The same for an item that others need not wait for while it is copied.
    #[cold]
    fn get_long<'a>(
        &'a self,
        mut getting: Getting<'a>,
        found: Found<'a>,
        buffer: &mut Vec<u8>,
    ) -> Result<Vec<OwnedFd>, GetError> {
        let out = getting.take_out(found, BORROWED);
        getting.end(1);
        let (lent, descriptors) = Lent::new(out?)?;
        buffer.extend_from_slice(lent.bytes());
        Ok(descriptors)
    }

    /// Takes what is there, `max` items at most, as soon as there is one.
    pub(crate) fn get_values<T: DeserializeOwned>(
        &self,
        max: usize,
        patience: Patience,
    ) -> Result<Vec<T>, GetManyError<T>> {
        let failed = |error| GetManyError { items: Vec::new(), error };
        let (mut buffer, mut taken) = (Scratch::new(), Vec::with_capacity(max.min(BATCH)));
        let result = match max {
            0 => Ok(()),
            _ => self.take(patience, |getting, found| {
                self.take_many(getting, found, max, &mut buffer, &mut taken)
            }),
        };
        match result {
            Err(error) if taken.is_empty() => Err(failed(error)),
            result => self.unpack_many(&buffer, taken, result),
        }
    }

    /// Copies items to the end of `buffer`, and notes where each ends.
    fn take_many<'a>(
        &'a self,
        mut getting: Getting<'a>,
        found: Found<'a>,
        max: usize,
        buffer: &mut Vec<u8>,
        taken: &mut Vec<Taken>,
    ) -> Result<(), GetError> {
        if !found.is_short() {
            let descriptors = self.get_long(getting, found, buffer)?;
            taken.push(Taken { end: buffer.len(), descriptors });
            return Ok(());
        }
        let mut next = Ok(Some(found));
        let is_enough =
            |taken: &[Taken], buffer: &[u8]| taken.len() == max || buffer.len() > BATCH_BYTES;
        while let Ok(Some(found)) = next {
            match getting.copy(found, buffer) {
                Ok(descriptors) => taken.push(Taken { end: buffer.len(), descriptors }),
                Err(error) => {
                    next = Err(error);
                    break;
                }
            }
            while !is_enough(taken, buffer) && getting.copy_plain(buffer) {
                taken.push(Taken { end: buffer.len(), descriptors: Vec::new() });
            }
            next = if is_enough(taken, buffer) { Ok(None) } else { getting.next() };
            next = next.map(|found| found.filter(Found::is_short));
        }
        getting.end(taken.len() as u32);
        next.map(drop)
    }

    /// Decodes what has been taken. Items that cannot be decoded leave an error, the last one.
    fn unpack_many<T: DeserializeOwned>(
        &self,
        bytes: &[u8],
        taken: Vec<Taken>,
        mut result: Result<(), GetError>,
    ) -> Result<Vec<T>, GetManyError<T>> {
        let (mut items, mut begin) = (Vec::with_capacity(taken.len()), 0);
        for Taken { end, descriptors } in taken {
            match self.unpack(&bytes[begin..end], descriptors) {
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

    pub(crate) fn get_lent<'a>(
        &'a self,
        state: u32,
        patience: Patience,
    ) -> Result<(Lent<'a>, Vec<OwnedFd>), GetError> {
        if state == BORROWED
            && let Some(out) = self.borrow_at_once()
        {
            return Lent::new(out);
        }
        let out = self.take(patience, |mut getting, found| {
            let out = getting.take_out(found, state);
            getting.end(1);
            out
        });
        Lent::new(out?)
    }

    /// The case of every day: the lock is free, and an item without descriptors is there.
    #[inline]
    fn borrow_at_once(&self) -> Option<Out<'_>> {
        let mut getting = self.begin_get_at_once()?;
        let out = getting.borrow_plain();
        // There is no new room before the item is given back.
        getting.end(0);
        out
    }

    pub(crate) fn get_leased<T: DeserializeOwned>(
        &self,
        patience: Patience,
    ) -> Result<Leased<'_, T>, GetError> {
        let (lent, descriptors) = self.get_lent(LEASED, patience)?;
        // A copy, as a hostile process could change the bytes while they are decoded.
        let copy = lent.bytes().to_vec();
        match unpack(&copy, descriptors) {
            Ok(value) => Ok(Leased::new(lent, value)),
            Err(error) => {
                lent.finish();
                Err(error)
            }
        }
    }

    /// Ends the queue for producers: consumers get what is there.
    pub(crate) fn close(&self) {
        self.close_as(CLOSED);
    }

    /// Under the producers' lock if it can be had, and after the bell: dies in between, and who wakes
    /// waits for the lock before it sleeps again.
    fn close_as(&self, how: u32) {
        let control = self.control();
        let producers = self.lock_producers(Patience::None);
        sys::ring(self.shared.bell.as_fd());
        control.fixed.close(how);
        if producers.is_err() {
            // Its holder is stopped, or it is ours: somebody may have silenced the bell meanwhile.
            sys::ring(self.shared.bell.as_fd());
        }
        drop(producers);
        control.items.wake(u32::MAX);
        control.room.wake(u32::MAX);
    }

    /// Ends the queue for all, and throws away what is there.
    pub(crate) fn shut_down(&self) -> Result<(), GetError> {
        self.close_as(SHUT_DOWN);
        // Who has begun to put finishes first.
        let last_tag = self.lock_producers(Patience::Endless).map_or(0, |all| all.last_tag);
        let mut getting = self.begin_get(Patience::Endless)?;
        let discarded = getting.discard_all(last_tag);
        getting.end(u32::MAX);
        discarded?;
        self.control().joined.wake(u32::MAX);
        Ok(())
    }
}

/// An item among others in a buffer.
#[derive(Debug)]
struct Taken {
    end: usize,
    descriptors: Vec<OwnedFd>,
}
