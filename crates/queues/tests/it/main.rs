//! The tests of this crate, a module per topic. [`support`] says how they run.

mod queue;
mod support;
mod wait;

procspawn_core::test_binary!();
