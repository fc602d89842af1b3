//! The tests of this crate, a module per topic.
//!
//! What all executors promise is tested once, by bodies that run for each of them: see [`support`].

mod apply;
mod callbacks;
mod cancel;
mod codec;
mod imap;
mod limits;
mod map;
mod select;
mod sources;
mod support;
mod threads;

procspawn_core::test_binary!();
