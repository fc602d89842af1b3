//! Services of `iceoryx2` that lose nothing, and their two ends.

use std::error::Error;
use std::fmt::Debug;

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::sample::Sample;
use iceoryx2::service::builder::publish_subscribe;

use crate::contender::Missing;
use crate::queue::item::{self, Item, PLACES};

pub(super) type Output<P> = Publisher<ipc::Service, P, ()>;
pub(super) type Input<P> = Subscriber<ipc::Service, P, ()>;
pub(super) type Slice = Sample<ipc::Service, [u8], ()>;
type Builder<P> = publish_subscribe::Builder<P, (), ipc::Service>;

/// The end that publishes values, and waits while there is no room.
pub(super) fn output<T: Item + ZeroCopySend>(name: &str) -> Result<Output<T>, Missing> {
    let service = builder::<T>(name, PLACES)?.open_or_create().map_err(text)?;
    let waits = BackpressureStrategy::RetryUntilDelivered;
    service.publisher_builder().backpressure_strategy(waits).create().map_err(text)
}

pub(super) fn input<T: Item + ZeroCopySend>(name: &str) -> Result<Input<T>, Missing> {
    let service = builder::<T>(name, PLACES)?.open_or_create().map_err(text)?;
    service.subscriber_builder().create().map_err(text)
}

/// The same for slices of `len` bytes.
pub(super) fn slice_output(name: &str, len: usize) -> Result<Output<[u8]>, Missing> {
    let service = builder::<[u8]>(name, item::places(len))?.open_or_create().map_err(text)?;
    let publisher = service.publisher_builder().initial_max_slice_len(len);
    let waits = BackpressureStrategy::RetryUntilDelivered;
    publisher.backpressure_strategy(waits).create().map_err(text)
}

pub(super) fn slice_input(name: &str, len: usize) -> Result<Input<[u8]>, Missing> {
    let service = builder::<[u8]>(name, item::places(len))?.open_or_create().map_err(text)?;
    service.subscriber_builder().create().map_err(text)
}

/// A service with one end on each side, and room for as many as `places` samples.
fn builder<P>(name: &str, places: usize) -> Result<Builder<P>, Missing>
where
    P: Debug + IceoryxSend + ?Sized,
{
    let silent = SignalHandlingMode::Disabled;
    let node = NodeBuilder::new().config(&Config::default()).signal_handling_mode(silent);
    let node = node.create::<ipc::Service>().map_err(text)?;
    let name = name.try_into().map_err(text)?;
    let service = node.service_builder(&name).publish_subscribe::<P>();
    let service = service.max_publishers(1).max_subscribers(1).history_size(0);
    Ok(service.enable_safe_overflow(false).subscriber_max_buffer_size(places))
}

fn text(error: impl Error) -> Missing {
    format!("no service: {error}")
}
