//! A closure that captures a value by copy has contents, which no other process has.

// expect: cannot capture: pass what it captures in `args`

use procspawn_core::Process;

fn main() {
    let captured = 5;
    let _ = Process::new(move |x: u32| x + captured, (1u32,));
}
