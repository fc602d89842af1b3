//! The tests of ipc-pipe: a module for each source file, and one for each kind of test process.

mod address;
mod authkey;
mod bounded;
mod bulk;
mod child;
mod client;
mod connection;
mod descriptors;
mod end;
mod frame;
mod handle;
mod listener;
#[cfg_attr(not(feature = "authkey"), allow(dead_code, reason = "less is to be met"))]
mod meeting;
mod message;
#[cfg(feature = "authkey")]
mod noise;
mod packets;
mod pipe;
#[cfg(feature = "python")]
mod python;
mod raw;
mod reactor;
mod receiver;
#[cfg(feature = "authkey")]
mod relay;
#[cfg(feature = "authkey")]
mod sealed;
mod sender;
mod signals;
mod wait;
