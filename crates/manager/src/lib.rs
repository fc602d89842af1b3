//! Objects held by a server process and reached through typed proxies.
//!
//! Not built yet: the crate holds its place and its edges in the workspace; see ARCHITECTURE.md.
#![forbid(unsafe_code)]
