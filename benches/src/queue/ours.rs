//! Our queues between two processes, each of its ways to pass an item.

use std::io;

use multiproc::{Bytes, Function, Shared};
use queues::Queue;

use crate::contender::{Missing, Round, Setting};
use crate::cores::Place;
use crate::other;
use crate::queue::item::{self, Block, Item, PLACES, number_of};
use crate::queue::track::Track;
use crate::queue::{flow, trips};

/// How many items are put or got at once where that is what is measured.
const BATCH: usize = 64;

/// Values, one by one.
pub(crate) fn values<T: Item>(setting: Setting) -> Result<Round, Missing> {
    let queue = made(Queue::bounded(PLACES))?;
    let track = Track::with_process(Place::Apart, get_values::<T>, queue.clone())?;
    Ok(flow::round(track, setting, 1, flow::each(put(queue))))
}

fn get_values<T: Item>(track: Shared<Track>, queue: Queue<T>) {
    track.follow(flow::sum(|| queue.get().expect("the other side lives").number()));
}

fn put<T: Item>(queue: Queue<T>) -> impl FnMut(u64) {
    move |number| queue.put(T::numbered(number)).expect("the other side lives")
}

/// Values, many at once.
pub(crate) fn values_many<T: Item>(setting: Setting) -> Result<Round, Missing> {
    let queue = made(Queue::bounded(PLACES))?;
    let track = Track::with_process(Place::Apart, get_many_values::<T>, queue.clone())?;
    Ok(flow::round(track, setting, 1, move |items| {
        for first in (1..=items).step_by(BATCH) {
            let batch = (first..=items).take(BATCH).map(T::numbered);
            queue.put_many(batch).expect("the other side lives");
        }
    }))
}

fn get_many_values<T: Item>(track: Shared<Track>, queue: Queue<T>) {
    track.follow(|items| {
        let (mut left, mut sum) = (items as usize, 0);
        while left > 0 {
            let batch = queue.get_many(left.min(BATCH)).expect("the other side lives");
            sum += batch.iter().map(T::number).sum::<u64>();
            left -= batch.len();
        }
        sum
    });
}

/// Two processes put, this one among them, and two get.
pub(crate) fn two_by_two(setting: Setting) -> Result<Round, Missing> {
    let queue = made(Queue::<u64>::bounded(PLACES))?;
    let track = Track::shared_by_four()?;
    other::start(put_values, (track.clone(), queue.clone()))?;
    for _ in 0..2 {
        other::start(get_values, (track.clone(), queue.clone()))?;
    }
    Ok(flow::two_by_two(track, setting, flow::each(put(queue))))
}

fn put_values(track: Shared<Track>, queue: Queue<u64>) {
    let mut put = flow::each(put(queue));
    track.follow(|items| {
        put(items);
        0 // What is put is no sum of what came.
    });
}

/// Blocks as values: bytes of the producer's own go in, and bytes of the consumer's own come out.
pub(crate) fn blocks<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(get_blocks, LEN, setting, |queue, bytes| {
        queue.put(Bytes::from(bytes)).expect("the other side lives");
    })
}

fn get_blocks(track: Shared<Track>, queue: Queue<Bytes>) {
    track.follow(flow::sum(|| number_of(&queue.get().expect("the other side lives"))));
}

/// Blocks as bytes, copied in and copied out.
pub(crate) fn bytes<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(get_bytes, LEN, setting, |queue, bytes| {
        queue.put_bytes(bytes).expect("the other side lives");
    })
}

fn get_bytes(track: Shared<Track>, queue: Queue<Bytes>) {
    let mut buffer = Vec::new();
    track.follow(flow::sum(|| {
        queue.get_bytes_into(&mut buffer).expect("the other side lives");
        number_of(&buffer)
    }));
}

/// Blocks written where they lie, and copied from there.
pub(crate) fn borrowed<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(copy_borrowed::<LEN>, LEN, setting, write_in_place)
}

fn copy_borrowed<const LEN: usize>(track: Shared<Track>, queue: Queue<Bytes>) {
    let mut block = Block::new(LEN);
    track.follow(flow::sum(|| {
        let item = queue.get_ref().expect("the other side lives");
        block.filled(|bytes| bytes.copy_from_slice(&item))
    }));
}

/// Blocks written where they lie, and looked at there.
pub(crate) fn in_place<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(look_at_borrowed, LEN, setting, write_in_place)
}

fn look_at_borrowed(track: Shared<Track>, queue: Queue<Bytes>) {
    let look = || number_of(&queue.get_ref().expect("the other side lives"));
    track.follow(flow::sum(look));
}

fn write_in_place(queue: &Queue<Bytes>, bytes: &[u8]) {
    let mut room = queue.reserve(bytes.len()).expect("the other side lives");
    room.copy_from_slice(bytes);
    room.commit();
}

fn blocks_to<F>(
    follower: F,
    len: usize,
    setting: Setting,
    put: impl Fn(&Queue<Bytes>, &[u8]) + 'static,
) -> Result<Round, Missing>
where
    F: Function<(Shared<Track>, Queue<Bytes>), Output = ()>,
{
    // Memory that is set aside at once, as that of the bare ring is.
    let queue = made(Queue::bounded_bytes(item::places(len) * (len + 64)))?;
    let track = Track::with_process(Place::Apart, follower, queue.clone())?;
    let mut block = Block::new(len);
    let put = move |number| put(&queue, block.numbered(number));
    Ok(flow::round(track, setting, item::worth(len), flow::each(put)))
}

/// A queue each way.
pub(crate) fn trip(place: Place, setting: Setting) -> Result<Round, Missing> {
    let (there, back) = (made(Queue::bounded(PLACES))?, made(Queue::bounded(PLACES))?);
    let track = Track::with_process(place, echo, (there.clone(), back.clone()))?;
    Ok(trips::round(track, setting, move |number| {
        there.put(number).expect("the other side lives");
        back.get().expect("the other side lives")
    }))
}

fn echo(track: Shared<Track>, (there, back): (Queue<u64>, Queue<u64>)) {
    track.follow(trips::echo(|| {
        let number = there.get().expect("the other side lives");
        back.put(number).expect("the other side lives");
    }));
}

fn made<T>(queue: io::Result<Queue<T>>) -> Result<Queue<T>, Missing> {
    queue.map_err(|e| format!("no queue: {e}"))
}
