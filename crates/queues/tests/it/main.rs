//! The tests of this crate, a module per topic.
//!
//! [`kinds`] is what all queues have in common: most tests run for each of them. [`support`] says
//! how they run, and [`system`] holds what the system must be asked for.

mod contract;
mod cost;
mod descriptors;
mod ending;
mod faults;
mod items;
mod joinable;
mod kinds;
mod lease;
mod polled;
mod priority;
mod python;
mod reserve;
#[cfg(feature = "stream")]
mod stream;
mod support;
mod system;
mod wait;

procspawn_core::test_binary!();
