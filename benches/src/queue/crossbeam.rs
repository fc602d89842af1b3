//! Threads of one process that share a `crossbeam-channel`: what a queue is that crosses no border.

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::contender::{Missing, Round, Setting};
use crate::cores::Place;
use crate::queue::item::{self, Block, Item, PLACES, number_of};
use crate::queue::track::Track;
use crate::queue::{flow, trips};

/// Values, moved.
pub(crate) fn values<T: Item>(setting: Setting) -> Result<Round, Missing> {
    let (sender, receiver) = bounded::<T>(PLACES);
    let track = Track::with_thread(Place::Apart, flow::sum(get(receiver)))?;
    Ok(flow::round(track, setting, 1, flow::each(put(sender))))
}

/// Two threads put, this one among them, and two get.
pub(crate) fn two_by_two(setting: Setting) -> Result<Round, Missing> {
    let (sender, receiver) = bounded::<u64>(PLACES);
    let mut put_too = flow::each(put(sender.clone()));
    let track = Track::of_four();
    track.clone().spawn(move |items| {
        put_too(items);
        0 // What is put is no sum of what came.
    });
    track.clone().spawn(flow::sum(get(receiver.clone())));
    track.clone().spawn(flow::sum(get(receiver)));
    Ok(flow::two_by_two(track, setting, flow::each(put(sender))))
}

fn put<T: Item>(sender: Sender<T>) -> impl FnMut(u64) {
    move |number| sender.send(T::numbered(number)).expect("the other side lives")
}

fn get<T: Item>(receiver: Receiver<T>) -> impl FnMut() -> u64 {
    move || receiver.recv().expect("the other side lives").number()
}

/// Blocks, each copied into memory of its own, which moves.
pub(crate) fn blocks<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    let (sender, receiver) = bounded::<Vec<u8>>(item::places(LEN));
    let get = move || number_of(&receiver.recv().expect("the other side lives"));
    let track = Track::with_thread(Place::Apart, flow::sum(get))?;
    let mut block = Block::new(LEN);
    let put = move |number| {
        sender.send(block.numbered(number).to_vec()).expect("the other side lives");
    };
    Ok(flow::round(track, setting, item::worth(LEN), flow::each(put)))
}

/// A channel each way.
pub(crate) fn trip(place: Place, setting: Setting) -> Result<Round, Missing> {
    let (there, theirs) = bounded(1);
    let (reply, back) = bounded(1);
    let track = Track::with_thread(
        place,
        trips::echo(move || {
            reply.send(theirs.recv().expect("the other side lives")).expect("the other side lives");
        }),
    )?;
    Ok(trips::round(track, setting, move |number| {
        there.send(number).expect("the other side lives");
        back.recv().expect("the other side lives")
    }))
}
