//! What may run in another process: function items, closures that capture nothing, methods.

use procspawn_core::{Process, RemoteFn};

fn area(width: f64, height: f64) -> f64 {
    width * height
}

fn main() {
    procspawn_core::init();
    let _ = Process::new(area, (2.0, 3.0));
    let _ = Process::new(|x: u32| x + 1, (1,));
    let _ = Process::new(u32::count_ones, (1,));
    let captured = String::from("captured");
    let _ = Process::from_closure(move || captured);
    let _ = RemoteFn::new(area);
}
