//! The tests of this crate: every body runs for each start method, in a process of its own.
//!
//! The file of a module is named for what the tests in it are about; [`support`] says how they run.

mod authkey;
mod basics;
mod cpus;
mod daemons;
mod descriptors;
mod entries;
mod executable;
mod exits;
mod family;
mod faults;
mod fork;
mod forkserver;
mod future;
mod join;
mod panics;
mod registry;
mod remote_fn;
mod signals;
mod support;
mod values;

procspawn_core::test_binary!();
