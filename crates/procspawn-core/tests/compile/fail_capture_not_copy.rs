//! A closure that captures a string is not even `Copy`.

// expect: the trait bound `String: Copy` is not satisfied

use procspawn_core::Process;

fn main() {
    let captured = String::from("captured");
    let _ = Process::new(move || captured.clone(), ());
}
