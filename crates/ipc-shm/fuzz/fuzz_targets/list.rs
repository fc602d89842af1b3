//! Any bytes are a list or an error, and what is accepted comes back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ipc_shm::fuzzing::list(bytes));
