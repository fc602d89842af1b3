//! What a child does to a value, an array and a struct of one's own, its parent sees.

use std::error::Error;

use multiproc::{Array, Process, RawValue, Shareable, Value};

#[derive(Clone, Copy, Debug, Shareable)]
#[repr(C)]
struct Point {
    x: f64,
    y: f64,
}

fn change(number: Value<i32>, text: Array<u8>, points: Array<Point>, raw: RawValue<f64>) {
    number.update(|number| *number *= 2).expect("its holder lives");
    text.lock().expect("its holder lives").make_ascii_uppercase();
    for point in points.lock().expect("its holder lives").iter_mut() {
        *point = Point { x: point.y, y: point.x };
    }
    raw.set(raw.get() / 3.0); // Without a lock.
}

#[multiproc::main]
fn main() -> Result<(), Box<dyn Error>> {
    let number = Value::new(21)?;
    let text = Array::from_slice(b"hello")?;
    let points = Array::from_slice(&[Point { x: 1.0, y: 2.0 }, Point { x: 0.5, y: 0.0 }])?;
    let raw = RawValue::new(1.0)?;

    let arguments = (number.clone(), text.clone(), points.clone(), raw.clone());
    Process::new(change, arguments).start()?.join()?;

    println!("{}", number.get()?);
    println!("{}", String::from_utf8(text.to_vec()?)?);
    println!("{:?}", points.lock()?);
    println!("{:.3}", raw.get());
    Ok(())
}
