//! Two processes and `ipc-channel`: a socket, and values encoded by serde.

use ipc_channel::ipc::{self, IpcBytesSender, IpcOneShotServer, IpcReceiver, IpcSender};
use multiproc::{Function, Shared};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::contender::{Missing, Round, Setting};
use crate::cores::Place;
use crate::queue::item::{self, Block, Item, number_of};
use crate::queue::track::Track;
use crate::queue::{flow, trips};

/// Values, encoded.
pub(crate) fn values<T: Item>(setting: Setting) -> Result<Round, Missing> {
    let (track, sender) = meet::<IpcSender<T>, _>(Place::Apart, sum_values::<T>)?;
    let put = move |n| sender.send(T::numbered(n)).expect("the other side lives");
    Ok(flow::round(track, setting, 1, flow::each(put)))
}

fn sum_values<T: Item>(track: Shared<Track>, name: String) {
    let (sender, receiver) = ipc::channel::<T>().expect("there is room for a socket");
    hand_over(name, sender);
    track.follow(flow::sum(|| receiver.recv().expect("the other side lives").number()));
}

/// Bytes as they are.
pub(crate) fn blocks<const LEN: usize>(setting: Setting) -> Result<Round, Missing> {
    let (track, sender) = meet::<IpcBytesSender, _>(Place::Apart, sum_blocks)?;
    let mut block = Block::new(LEN);
    let put = move |n| sender.send(block.numbered(n)).expect("the other side lives");
    Ok(flow::round(track, setting, item::worth(LEN), flow::each(put)))
}

fn sum_blocks(track: Shared<Track>, name: String) {
    let (sender, receiver) = ipc::bytes_channel().expect("there is room for a socket");
    hand_over(name, sender);
    track.follow(flow::sum(|| number_of(&receiver.recv().expect("the other side lives"))));
}

/// A channel each way.
pub(crate) fn trip(setting: Setting) -> Result<Round, Missing> {
    let (track, (there, back)) =
        meet::<(IpcSender<u64>, IpcReceiver<u64>), _>(Place::Together, echo)?;
    Ok(trips::round(track, setting, move |number| {
        there.send(number).expect("the other side lives");
        back.recv().expect("the other side lives")
    }))
}

fn echo(track: Shared<Track>, name: String) {
    let (there, theirs) = ipc::channel::<u64>().expect("there is room for a socket");
    let (reply, back) = ipc::channel::<u64>().expect("there is room for a socket");
    hand_over(name, (there, back));
    track.follow(trips::echo(|| {
        reply.send(theirs.recv().expect("the other side lives")).expect("the other side lives");
    }));
}

/// Starts the other process, and gets from it the ends of the channels that it has made.
fn meet<E, F>(place: Place, follower: F) -> Result<(Shared<Track>, E), Missing>
where
    E: Serialize + DeserializeOwned,
    F: Function<(Shared<Track>, String), Output = ()>,
{
    let (server, name) = IpcOneShotServer::<E>::new().map_err(|e| e.to_string())?;
    let track = Track::with_process(place, follower, name)?;
    let (_, ends) = server.accept().map_err(|e| e.to_string())?;
    Ok((track, ends))
}

fn hand_over<E: Serialize + DeserializeOwned>(name: String, ends: E) {
    let ours = IpcSender::connect(name).expect("the other process waits");
    ours.send(ends).expect("the other process waits");
}
