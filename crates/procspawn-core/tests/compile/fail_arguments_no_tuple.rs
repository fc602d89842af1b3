//! A single argument is a tuple of one.

// expect: the arguments are a tuple, `(x,)` for a single one, and the function must not capture

use procspawn_core::Process;

fn main() {
    let _ = Process::new(|x: u32| x + 1, 1u32);
}
