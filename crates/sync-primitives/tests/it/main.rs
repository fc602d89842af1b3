//! The tests of this crate: a module per primitive, and what holds for all in modules of its own.
//!
//! [`family`] is what all locks have in common, and [`contract`], [`death`], [`forks`] and
//! [`faults`] are tests that run for each of them. [`support`] says how they run.

mod array;
mod barrier;
mod bounded;
mod capabilities;
mod condvar;
mod contract;
mod death;
mod event;
mod family;
mod faults;
mod forks;
mod handles;
mod latch;
mod mutex;
mod once;
mod reentrant;
mod rwlock;
mod semaphore;
mod support;
mod system;
mod value;
mod watch;

procspawn_core::test_binary!();
