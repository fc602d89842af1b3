//! What a queue is held against: a bare ring, and bare words that two processes look at.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};

use multiproc::{Function, Shareable, Shared};

use crate::contender::{Missing, Round, Setting};
use crate::cores::Place;
use crate::futex::Flag;
use crate::queue::item::{self, Block, Item, PLACES, number_of};
use crate::queue::ring::Ring;
use crate::queue::track::Track;
use crate::queue::{flow, trips};

/// Values from this process to another.
pub(crate) fn values<T: Item>(setting: Setting) -> Result<Round, Missing> {
    let ring = Ring::<T>::new(PLACES, 1)?;
    let track = Track::with_process(Place::Apart, sum_values::<T>, ring.clone())?;
    let mut end = ring.end();
    Ok(flow::round(track, setting, 1, flow::each(move |n| end.put(T::numbered(n)))))
}

fn sum_values<T: Item>(track: Shared<Track>, ring: Ring<T>) {
    let mut end = ring.end();
    track.follow(flow::sum(|| end.get().number()));
}

/// Blocks of `LEN` bytes, copied in and copied out.
pub(crate) fn blocks<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(sum_blocks::<LEN>, LEN, setting)
}

fn sum_blocks<const LEN: usize>(track: Shared<Track>, ring: Ring<u8>) {
    let (mut end, mut block) = (ring.end(), Block::new(LEN));
    let mut get = || end.look_at_block(LEN, |bytes| block.filled(|own| own.copy_from_slice(bytes)));
    track.follow(flow::sum(&mut get));
}

/// Blocks of `LEN` bytes, copied in and looked at where they are.
pub(crate) fn blocks_in_place<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(look_at_blocks::<LEN>, LEN, setting)
}

fn look_at_blocks<const LEN: usize>(track: Shared<Track>, ring: Ring<u8>) {
    let mut end = ring.end();
    track.follow(flow::sum(|| end.look_at_block(LEN, number_of)));
}

fn blocks_to<F>(follower: F, len: usize, setting: Setting) -> Result<Round, Missing>
where
    F: Function<(Shared<Track>, Ring<u8>), Output = ()>,
{
    let ring = Ring::new(item::places(len), len)?;
    let track = Track::with_process(Place::Apart, follower, ring.clone())?;
    let (mut end, mut block) = (ring.end(), Block::new(len));
    let put = move |number| end.put_block(block.numbered(number));
    Ok(flow::round(track, setting, item::worth(len), flow::each(put)))
}

/// A ring each way.
pub(crate) fn ring_trip(setting: Setting) -> Result<Round, Missing> {
    let (there, back) = (Ring::<u64>::new(PLACES, 1)?, Ring::<u64>::new(PLACES, 1)?);
    let track = Track::with_process(Place::Apart, ring_echo, (there.clone(), back.clone()))?;
    let (mut there, mut back) = (there.end(), back.end());
    Ok(trips::round(track, setting, move |number| {
        there.put(number);
        back.get()
    }))
}

fn ring_echo(track: Shared<Track>, (there, back): (Ring<u64>, Ring<u64>)) {
    let (mut there, mut back) = (there.end(), back.end());
    track.follow(trips::echo(|| back.put(there.get())));
}

/// A word for each way, at which both sides look without end.
pub(crate) fn spin_trip(setting: Setting) -> Result<Round, Missing> {
    let words = Shared::new(Words::default()).map_err(|e| format!("no shared memory: {e}"))?;
    let track = Track::with_process(Place::Apart, spin_echo, words.clone())?;
    let mut before = 0;
    Ok(trips::round(track, setting, move |number| {
        words.there.0.store(number, Ordering::Release);
        before = words.back.other_than(before);
        before
    }))
}

fn spin_echo(track: Shared<Track>, words: Shared<Words>) {
    let mut before = 0;
    track.follow(trips::echo(|| {
        before = words.there.other_than(before);
        words.back.0.store(before, Ordering::Release);
    }));
}

#[derive(Debug, Default, Shareable)]
#[repr(C)]
struct Words {
    there: Word,
    back: Word,
}

/// On two cache lines, because processors fetch them in pairs.
#[derive(Debug, Default, Shareable)]
#[repr(C, align(128))]
struct Word(AtomicU64);

impl Word {
    /// Looks until it is no longer what it was `before`.
    fn other_than(&self, before: u64) -> u64 {
        loop {
            match self.0.load(Ordering::Acquire) {
                now if now != before => return now,
                _ => hint::spin_loop(),
            }
        }
    }
}

/// A number beside a futex for each way, at which both sides sleep at once.
pub(crate) fn futex_trip(setting: Setting) -> Result<Round, Missing> {
    let letters = Shared::new(Letters::default()).map_err(|e| format!("no shared memory: {e}"))?;
    let track = Track::with_process(Place::Together, futex_echo, letters.clone())?;
    Ok(trips::round(track, setting, move |number| {
        letters.there.leave(number);
        letters.back.fetch()
    }))
}

fn futex_echo(track: Shared<Track>, letters: Shared<Letters>) {
    track.follow(trips::echo(|| letters.back.leave(letters.there.fetch())));
}

#[derive(Debug, Default, Shareable)]
#[repr(C)]
struct Letters {
    there: Letter,
    back: Letter,
}

#[derive(Debug, Default, Shareable)]
#[repr(C)]
struct Letter {
    flag: Flag,
    number: AtomicU64,
}

impl Letter {
    fn leave(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed); // The flag goes up after it.
        self.flag.raise();
    }

    fn fetch(&self) -> u64 {
        self.flag.take(0);
        self.number.load(Ordering::Relaxed)
    }
}
