//! The tests of this crate: every body runs for each start method, in a process of its own.
//!
//! The file of a module is named for what the tests in it are about; [`support`] says how they run.

mod authkey;
mod basics;
mod daemons;
mod entries;
mod exits;
mod family;
mod fork;
mod forkserver;
mod join;
mod panics;
mod registry;
mod support;
mod values;

procspawn_core::test_binary!();
