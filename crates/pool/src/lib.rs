//! Pools of worker processes in which a crash costs one task.
//!
//! Not built yet: the crate holds its place and its edges in the workspace; see ARCHITECTURE.md.
#![forbid(unsafe_code)]
