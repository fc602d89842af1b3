//! The tests of ipc-pipe: a module for each source file, and one for each kind of test process.

mod bounded;
mod bulk;
mod child;
mod connection;
mod descriptors;
mod end;
mod frame;
mod handle;
mod message;
mod packets;
mod pipe;
mod raw;
mod receiver;
mod sender;
mod signals;
mod wait;
