//! The tests of this crate, a module per topic.
//!
//! What all executors promise is tested once, by bodies that run for each of them: see [`support`].

mod apply;
mod building;
mod bulk;
mod callbacks;
mod cancel;
mod codec;
mod deaths;
mod forks;
mod host;
mod idle;
mod imap;
mod killed;
mod leaks;
mod life;
mod limits;
mod map;
mod memory;
mod mixed;
mod options;
mod parent;
mod python;
mod recycle;
mod resize;
mod retries;
mod select;
mod sources;
mod support;
mod threads;
#[cfg(all(feature = "interrupt", feature = "metrics", feature = "tracing"))]
mod watched;

procspawn_core::test_binary!();
