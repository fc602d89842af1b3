//! The tests of this crate, a module per file of `src`; [`support`] says what they stand on.

mod bytes;
mod header;
mod leftovers;
mod list;
mod name;
mod raw_array;
mod raw_value;
mod region;
mod shareable;
mod shared;
mod slice;
mod support;
mod transfer;

procspawn_core::test_binary!();
