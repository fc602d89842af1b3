//! Two processes and `iceoryx2`: publish and subscribe in shared memory. The subscriber looks again
//! and again, for data wakes nobody up.
//!
//! It keeps files, which go with the last user of a service. So the other process is told to end,
//! and waited for; what a killed one leaves behind goes when the next one starts.

mod service;

use std::hint;
use std::ops::Deref;
use std::process;

use multiproc::{Function, JoinHandle, Shared};

use crate::contender::{Missing, Round, Setting};
use crate::cores::Place;
use crate::other;
use crate::queue::iceoryx::service::{
    Input, Output, Slice, input, output, slice_input, slice_output,
};
use crate::queue::item::{self, Block, Item, number_of};
use crate::queue::track::Track;
use crate::queue::{flow, trips};

/// What may be the payload.
pub(crate) use iceoryx2::prelude::ZeroCopySend as Payload;

/// Values, written where the other side reads them.
pub(crate) fn values<T: Item + Payload>(setting: Setting) -> Result<Round, Missing> {
    let output = output::<T>(&name("values"))?;
    let track = Follower::start(sum_values::<T>)?;
    let put = move |number| send(&output, T::numbered(number));
    Ok(flow::round(track, setting, 1, flow::each(put)))
}

fn sum_values<T: Item + Payload>(track: Shared<Track>, leader: u32) {
    let input = input::<T>(&name_of(leader, "values")).expect("the service is there");
    track.follow(flow::sum(|| receive(&input).number()));
}

/// Slices, copied in and copied out.
pub(crate) fn blocks<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(sum_blocks::<LEN>, LEN, setting)
}

fn sum_blocks<const LEN: usize>(track: Shared<Track>, leader: u32) {
    let input = slice_input(&name_of(leader, "blocks"), LEN).expect("the service is there");
    let mut block = Block::new(LEN);
    track.follow(flow::sum(|| block.filled(|bytes| bytes.copy_from_slice(&slice(&input)))));
}

/// Slices, copied in and looked at where they are.
pub(crate) fn blocks_in_place<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    blocks_to(look_at_blocks::<LEN>, LEN, setting)
}

fn look_at_blocks<const LEN: usize>(track: Shared<Track>, leader: u32) {
    let input = slice_input(&name_of(leader, "blocks"), LEN).expect("the service is there");
    track.follow(flow::sum(|| number_of(&slice(&input))));
}

fn blocks_to<F>(follower: F, len: usize, setting: Setting) -> Result<Round, Missing>
where
    F: Function<(Shared<Track>, u32), Output = ()>,
{
    let output = slice_output(&name("blocks"), len)?;
    let track = Follower::start(follower)?;
    let mut block = Block::new(len);
    let put = move |number| {
        let sample = output.loan_slice_uninit(len).expect("there is room for a sample");
        sample.write_from_slice(block.numbered(number)).send().expect("the subscriber lives");
    };
    Ok(flow::round(track, setting, item::worth(len), flow::each(put)))
}

/// A service each way.
pub(crate) fn trip(setting: Setting) -> Result<Round, Missing> {
    let there = output::<u64>(&name("there"))?;
    let back = input::<u64>(&name("back"))?;
    let track = Follower::start(echo)?;
    Ok(trips::round(track, setting, move |number| {
        send(&there, number);
        receive(&back)
    }))
}

fn echo(track: Shared<Track>, leader: u32) {
    let there = input::<u64>(&name_of(leader, "there")).expect("the service is there");
    let back = output::<u64>(&name_of(leader, "back")).expect("the service is there");
    track.follow(trips::echo(|| send(&back, receive(&there))));
}

fn send<T: Item + Payload>(output: &Output<T>, item: T) {
    let sample = output.loan_uninit().expect("there is room for a sample");
    sample.write_payload(item).send().expect("the subscriber lives");
}

fn receive<T: Item + Payload>(input: &Input<T>) -> T {
    *until_some(|| input.receive().expect("the publisher lives"))
}

/// The next slice where it lies, which is free again when this is dropped.
fn slice(input: &Input<[u8]>) -> Slice {
    until_some(|| input.receive().expect("the publisher lives"))
}

fn until_some<S>(mut look: impl FnMut() -> Option<S>) -> S {
    loop {
        match look() {
            Some(found) => return found,
            None => hint::spin_loop(),
        }
    }
}

fn name(role: &str) -> String {
    name_of(process::id(), role)
}

/// The name of a service that belongs to one contender.
fn name_of(leader: u32, role: &str) -> String {
    format!("multiproc benches/{leader}/{role}")
}

/// The other process, which ends before this one does.
struct Follower {
    track: Shared<Track>,
    process: Option<JoinHandle<()>>,
}

impl Follower {
    fn start<F>(follower: F) -> Result<Self, Missing>
    where
        F: Function<(Shared<Track>, u32), Output = ()>,
    {
        let track = Track::shared()?;
        let arguments = (track.clone(), process::id());
        let process = Place::Apart.start(|| other::start_to_join(follower, arguments))?;
        Ok(Self { track, process: Some(process) })
    }
}

impl Deref for Follower {
    type Target = Track;

    fn deref(&self) -> &Track {
        &self.track
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.track.end();
        // If it has not ended well, its message stands above.
        let _ = self.process.take().map(JoinHandle::join);
    }
}
