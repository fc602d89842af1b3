//! The tests of this crate, a module per file of `src`; [`support`] says what they stand on.

mod shareable;
mod shared;
mod support;

procspawn_core::test_binary!();
