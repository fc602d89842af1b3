//! Locks, semaphores, events and barriers in shared memory that survive the death of their holder.
//!
//! Not built yet: the crate holds its place and its edges in the workspace; see ARCHITECTURE.md.
#![deny(unsafe_code)]
