//! The tests of this crate, a module per topic. [`support`] says how they run.

mod queue;
#[cfg(feature = "stream")]
mod stream;
mod support;
mod wait;

procspawn_core::test_binary!();
