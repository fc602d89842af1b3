//! The tests of this crate: a module per primitive, and what holds for all in modules of its own.
//!
//! [`family`] is what all locks have in common, and [`contract`], [`death`], [`forks`] and
//! [`faults`] are tests that run for each of them. [`support`] says how they run.

mod contract;
mod death;
mod family;
mod forks;
mod mutex;
mod reentrant;
mod rwlock;
mod support;
#[allow(dead_code)]
mod system;

procspawn_core::test_binary!();
