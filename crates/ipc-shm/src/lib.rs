//! Regions of shared memory, and typed values and arrays in them.
//!
//! Not built yet: the crate holds its place and its edges in the workspace; see ARCHITECTURE.md.
#![deny(unsafe_code)]
