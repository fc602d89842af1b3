//! Typed connections between processes that carry values and file descriptors, with deadlines on everything.
