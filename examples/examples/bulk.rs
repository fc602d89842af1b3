//! Many numbers at once, without a visit to each and without a copy for the receiver.
//!
//! A `Bulk` reads as a slice. A long one travels as a sealed memory file that the receiver maps.

use std::error::Error;

use multiproc::{Bulk, Process};

/// The scalar product, and whether the numbers were read where the parent put them.
fn product(left: Bulk<f64>, right: Bulk<f64>) -> (f64, bool) {
    let sum = left.iter().zip(right.iter()).map(|(l, r)| l * r).sum();
    (sum, left.is_mapped() && right.is_mapped())
}

fn squares(count: u32) -> Bulk<u64> {
    (0..u64::from(count)).map(|n| n * n).collect::<Vec<_>>().into()
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    for count in [1_000, 1_000_000] {
        let args = (Bulk::from(vec![0.5; count]), Bulk::from(vec![4.0; count]));
        let (product, in_place) = Process::new(product, args).start()?.join()?;
        println!("{count} numbers: product {product}, read in place: {in_place}");
    }

    let squares = Process::new(squares, (1_000_000,)).start()?.join()?;
    println!("back: {} numbers, the last is {}", squares.len(), squares[999_999]);
    println!("in place: {}, as a vector: {}", squares.is_mapped(), squares.into_vec().len());
    Ok(())
}
