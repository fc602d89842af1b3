//! A function that travels cannot take a capture along.

// expect: cannot capture: pass what it captures in `args`

use procspawn_core::RemoteFn;

fn main() {
    let captured = 5;
    let _ = RemoteFn::new(move |x: u32| x + captured);
}
