//! Run a function in another process and get its value back: spawn, fork server and fork.
