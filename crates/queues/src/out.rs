//! An item that a consumer has out of the ring: borrowed or leased, where it lies.
#![allow(unsafe_code, reason = "lends the bytes of an item in shared memory")]

use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;

use ipc_shm::Region;

use crate::control::SHUT_DOWN;
use crate::end::End;
use crate::error::GetError;
use crate::getting::Out;
use crate::parcel::elsewhere;
use crate::patience::Patience;
use crate::putting::TAG;
use crate::record::Kind;
use crate::takes::{Held, LEASED};

/// Where the bytes of an item are, and what has to be given back for them.
#[derive(Debug)]
pub(crate) struct Lent<'a> {
    end: &'a End,
    /// Taken when it is given back.
    held: Option<Held<'a>>,
    bytes: NonNull<[u8]>,
    /// The memory file of a long item, in which the bytes are.
    _file: Option<Region>,
}

impl<'a> Lent<'a> {
    /// The bytes of an item, and its descriptors.
    pub(crate) fn new(out: Out<'a>) -> Result<(Lent<'a>, Vec<OwnedFd>), GetError> {
        let Out { end, held, unit, record, mut descriptors } = out;
        let ring = &end.shared.ring;
        let place = ring.place_of(unit);
        let all = ring.memory().lend(place, record.len() as usize);
        let skipped = if record.has_descriptors() { TAG } else { 0 };
        // SAFETY: the pointer leads to as many bytes as the record has, which are this consumer's
        // while it holds the place in the table; all byte patterns are valid.
        let bytes = unsafe { &all.as_ref()[skipped.min(all.len())..] };
        let mut lent = Lent { end, held: Some(held), bytes: NonNull::from(bytes), _file: None };
        if record.is(Kind::Elsewhere) {
            let file = elsewhere(bytes, &mut descriptors)?;
            let first = std::ptr::slice_from_raw_parts_mut(file.as_ptr(), file.len());
            lent.bytes = NonNull::new(first).ok_or(GetError::Corrupt("an empty memory file"))?;
            lent._file = Some(file);
        }
        Ok((lent, descriptors))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the bytes lie in the ring, at a place that is not used again while `held` is, or in
        // a memory file that only their sender has had; both stay mapped while `self` lives.
        unsafe { self.bytes.as_ref() }
    }

    /// How often the item has been given out.
    pub(crate) fn deliveries(&self) -> u32 {
        self.held.as_ref().map_or(0, |held| held.take().count.load(Relaxed))
    }

    /// Says that the item is done: its room is free.
    pub(crate) fn finish(mut self) {
        self.free();
    }

    fn free(&mut self) {
        if let Some(held) = self.take_held() {
            let take = held.take();
            let leased_tag = (take.state() == LEASED).then(|| take.tag.load(Relaxed));
            held.free();
            self.end.item_is_done(leased_tag);
        }
    }

    /// What is to be given back; nothing in a forked child, which has a copy only.
    fn take_held(&mut self) -> Option<Held<'a>> {
        self.held.take().filter(|held| held.take().is_held_by_us())
    }
}

/// A lease that is not said to be done is given out again, unless the queue has been shut down.
impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let is_leased = |held: &Held<'_>| held.take().state() == LEASED;
        let is_shut_down = self.end.control().fixed.closed() == SHUT_DOWN;
        if is_shut_down || !self.held.as_ref().is_some_and(is_leased) {
            return self.free();
        }
        if let Some(held) = self.take_held() {
            drop(held);
            self.end.announce_returned();
        }
    }
}

impl End {
    /// An item's room is free, and if it was leased with descriptors, these are to go, too.
    fn item_is_done(&self, leased_tag: Option<u64>) {
        let must_tidy = self.shared.ring.is_large() && self.control().queued() == 0;
        let tag = leased_tag.filter(|&tag| tag != 0);
        if (must_tidy || tag.is_some())
            && let Ok(mut getting) = self.begin_get(Patience::None)
        {
            tag.into_iter().for_each(|tag| getting.discard_descriptors(tag));
            getting.end(1);
        } else {
            self.control().room.wake(1);
        }
        if leased_tag.is_some() {
            self.control().joined.wake(u32::MAX);
            // Who waits for the end of the stream had to wait for this lease.
            self.control().items.wake(u32::MAX);
            if self.control().fixed.closed() != 0 || self.is_left_alone() {
                self.ring_if_polled();
            }
        }
    }
}
