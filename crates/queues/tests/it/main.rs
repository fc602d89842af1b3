//! The tests of this crate, a module per topic. [`support`] says how they run.

mod priority;
mod queue;
mod support;

procspawn_core::test_binary!();
