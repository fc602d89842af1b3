//! Examples of multiproc live in `examples/`, one idea a file.
