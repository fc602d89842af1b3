//! The attribute macros of `multiproc`.
