//! How a producer puts items: encoding them before it takes the lock, and waiting for room.

use std::os::fd::OwnedFd;

use ipc_pipe::carry;
use serde::Serialize;

use super::store::{Holding, Store};
use crate::error::{GetError, PutError, PutErrorKind};
use crate::parcel::{Parcel, pack_bytes};
use crate::patience::Patience;
use crate::scratch::Scratch;
use crate::waiting::{Next, Waiting};

/// What is short enough to be put without further thought.
const SHORT: usize = 4 << 10;

/// How many items are put under one lock, and how many bytes of them are encoded before.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 16 << 10;

impl Store {
    #[inline]
    pub(crate) fn put_value<T: Serialize>(
        &self,
        priority: i64,
        item: T,
        patience: Patience,
    ) -> Result<(), PutError<T>> {
        let put = self.put_ref(priority, &item, patience);
        put.map_err(|kind| PutError::new(item, kind))
    }

    #[inline]
    fn put_ref<T: Serialize>(
        &self,
        priority: i64,
        item: &T,
        patience: Patience,
    ) -> Result<(), PutErrorKind> {
        let (mut buffer, mut descriptors) = (Scratch::new(), Vec::new());
        carry::encode(item, &mut buffer, &mut descriptors)?;
        if descriptors.is_empty() && self.put_at_once(priority, &buffer) {
            return Ok(());
        }
        self.put_encoded(priority, &buffer, descriptors, patience)
    }

    /// The case of every day: the lock is free, and there is room for a short item.
    #[inline]
    fn put_at_once(&self, priority: i64, bytes: &[u8]) -> bool {
        let Some(mut holding) = self.lock_at_once() else { return false };
        let control = self.control();
        let is_put = bytes.len() <= SHORT
            && control.fixed.closed() == 0
            && holding.add_plain(priority, bytes).is_ok();
        drop(holding);
        if is_put {
            control.items.wake(1);
        }
        is_put
    }

    #[cold]
    fn put_encoded(
        &self,
        priority: i64,
        bytes: &[u8],
        descriptors: Vec<OwnedFd>,
        patience: Patience,
    ) -> Result<(), PutErrorKind> {
        pack_bytes(bytes, descriptors, self.memory.size().longest(), |parcel| {
            self.put_parcel(priority, parcel, patience)
        })
    }

    fn put_parcel(
        &self,
        priority: i64,
        parcel: &Parcel<'_>,
        patience: Patience,
    ) -> Result<(), PutErrorKind> {
        let mut add = |holding: &mut Holding<'_>| holding.add(priority, parcel);
        match self.try_put(patience, &mut add) {
            Err(PutErrorKind::Full) => self.put_patiently(patience, &mut add),
            result => result,
        }
    }

    /// Runs `work` under the lock, if anything can be put at all, and wakes consumers for what it has
    /// put.
    #[inline]
    fn try_put(
        &self,
        patience: Patience,
        work: &mut impl FnMut(&mut Holding<'_>) -> Result<(), PutErrorKind>,
    ) -> Result<(), PutErrorKind> {
        let control = self.control();
        let mut holding = self.lock(patience).map_err(no_lock)?;
        if control.fixed.closed() != 0 {
            return Err(PutErrorKind::Closed);
        }
        let before = holding.state.len;
        let result = work(&mut holding);
        let added = holding.state.len - before;
        drop(holding);
        if added > 0 {
            control.items.wake(added);
        }
        result
    }

    #[cold]
    fn put_patiently(
        &self,
        patience: Patience,
        work: &mut impl FnMut(&mut Holding<'_>) -> Result<(), PutErrorKind>,
    ) -> Result<(), PutErrorKind> {
        let (gate, items) = (&*self.control().room, self.memory.size().items);
        let mut waiting = Waiting::new(gate, &self.putting, patience);
        let mut announced = 0;
        loop {
            let next = waiting.next();
            match next {
                Next::Try => {}
                Next::Arm => announced = gate.announce(),
                Next::Sleep => {
                    waiting.sleep_at_gate(announced);
                    announced = gate.announce();
                }
                Next::GiveUp => return Err(gave_up(patience)),
            }
            let is_hopeless = self.control().len() >= items && self.control().fixed.closed() == 0;
            if next == Next::Try && is_hopeless {
                continue;
            }
            match self.try_put(patience, work) {
                Err(PutErrorKind::Full) => {}
                result => return result,
            }
        }
    }

    /// Puts many items, a batch at a time.
    pub(crate) fn put_values<T: Serialize>(
        &self,
        items: impl IntoIterator<Item = (i64, T)>,
        patience: Patience,
    ) -> Result<(), PutError<Vec<(i64, T)>>> {
        let mut items = items.into_iter();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            batch.extend(items.by_ref().take(BATCH - batch.len()));
            if batch.is_empty() {
                return Ok(());
            }
            let mut put = 0;
            let result = self.put_some(&batch, &mut put, patience);
            batch.drain(..put);
            if let Err(kind) = result {
                batch.extend(items);
                return Err(PutError::new(batch, kind));
            }
        }
    }

    /// Puts as many items of a batch as are encoded before the lock is taken, at least one, and
    /// counts them.
    fn put_some<T: Serialize>(
        &self,
        batch: &[(i64, T)],
        put: &mut usize,
        patience: Patience,
    ) -> Result<(), PutErrorKind> {
        let mut buffer = Scratch::new();
        let ends = encode_plain(batch, &mut buffer);
        if ends.is_empty() {
            // A single one, or an error; it is encoded again, which is rare.
            self.put_ref(batch[0].0, &batch[0].1, patience)?;
            *put = 1;
            return Ok(());
        }
        let mut add = |holding: &mut Holding<'_>| {
            while let Some(&end) = ends.get(*put) {
                let begin = put.checked_sub(1).map_or(0, |before| ends[before]);
                holding.add_plain(batch[*put].0, &buffer[begin..end])?;
                *put += 1;
            }
            Ok(())
        };
        match self.try_put(patience, &mut add) {
            Err(PutErrorKind::Full) => self.put_patiently(patience, &mut add),
            result => result,
        }
    }
}

/// Encodes items one behind the other up to one that is long or has descriptors; where each ends.
fn encode_plain<T: Serialize>(batch: &[(i64, T)], buffer: &mut Vec<u8>) -> Vec<usize> {
    let mut ends = Vec::with_capacity(batch.len());
    for (_, item) in batch {
        let (begin, mut descriptors) = (buffer.len(), Vec::new());
        let encoded = carry::encode(item, buffer, &mut descriptors);
        let is_long = buffer.len() - begin > BATCH_BYTES;
        if encoded.is_err() || !descriptors.is_empty() || is_long {
            break;
        }
        ends.push(buffer.len());
        if buffer.len() > BATCH_BYTES {
            break;
        }
    }
    ends
}

/// The lock could not be had.
#[cold]
fn no_lock(error: GetError) -> PutErrorKind {
    match error {
        GetError::TimedOut => PutErrorKind::TimedOut,
        GetError::TooManyHeld => PutErrorKind::TooManyHeld,
        GetError::Unsupported(why) => PutErrorKind::Unsupported(why),
        GetError::Corrupt(what) => PutErrorKind::Corrupt(what),
        _ => PutErrorKind::Stalled,
    }
}

fn gave_up(patience: Patience) -> PutErrorKind {
    match patience {
        Patience::None => PutErrorKind::Full,
        _ => PutErrorKind::TimedOut,
    }
}
