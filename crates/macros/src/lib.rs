//! The attribute macros of `multiproc`.
#![forbid(unsafe_code)]
