//! Queues between processes: many producers, many consumers, nothing lost when one of them dies.
//!
//! Not built yet: the crate holds its place and its edges in the workspace; see ARCHITECTURE.md.
#![deny(unsafe_code)]
