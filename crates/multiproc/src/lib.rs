//! Process-based parallelism: everything Python's `multiprocessing` does, without its hangs, its copies
//! and its limits.
#![forbid(unsafe_code)]

pub use multiproc_macros::main;
pub use procspawn_core::*;

pub use ipc_pipe;
