//! Process-based parallelism for Rust.
