//! Arguments are serde values.

// expect: `Opaque: serde::Serialize` is not satisfied

use procspawn_core::Process;

struct Opaque;

fn main() {
    let _ = Process::new(|_: Opaque| (), (Opaque,));
}
