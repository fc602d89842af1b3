//! Values without a lock.

use ipc_shm::{RawValue, Shareable, ShmError};
use serde::{Deserialize, Serialize};

use crate::support::{TempFile, assert_error, run, start};

#[derive(Clone, Copy, Debug, PartialEq, Shareable, Serialize, Deserialize)]
#[repr(C)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Shareable, Serialize, Deserialize)]
#[repr(C)]
struct Padded {
    small: u8,
    large: u64,
    odd: [u8; 3],
}

macro_rules! child_sets {
    ($($name:ident: $type:ty = $value:expr;)*) => {$(
        #[test]
        fn $name() {
            let value = RawValue::<$type>::new(Default::default()).unwrap();
            assert_eq!(value.get(), <$type>::default());
            run(|value: RawValue<$type>, new: $type| value.set(new), (value.clone(), $value));
            assert_eq!(value.get(), $value);
        }
    )*};
}

child_sets! {
    u8_is_seen: u8 = u8::MAX;
    u16_is_seen: u16 = u16::MAX;
    u32_is_seen: u32 = u32::MAX;
    u64_is_seen: u64 = u64::MAX;
    u128_is_seen: u128 = u128::MAX;
    usize_is_seen: usize = usize::MAX;
    i8_is_seen: i8 = i8::MIN;
    i16_is_seen: i16 = i16::MIN;
    i32_is_seen: i32 = i32::MIN;
    i64_is_seen: i64 = i64::MIN;
    i128_is_seen: i128 = i128::MIN;
    isize_is_seen: isize = isize::MIN;
    f32_is_seen: f32 = f32::MIN_POSITIVE;
    f64_is_seen: f64 = f64::NEG_INFINITY;
    array_is_seen: [u16; 3] = [1, 2, 3];
    nested_array_is_seen: [[u8; 5]; 2] = [[1; 5], [2; 5]];
}

#[test]
fn structs_are_seen() {
    let point = RawValue::new(Point { x: 1.0, y: 2.0 }).unwrap();
    let padded = RawValue::new(Padded { small: 1, large: 2, odd: [3; 3] }).unwrap();
    let child = |point: RawValue<Point>, padded: RawValue<Padded>| {
        point.set(Point { x: -point.get().x, ..point.get() });
        padded.set(Padded { odd: [9; 3], ..padded.get() });
    };
    run(child, (point.clone(), padded.clone()));
    assert_eq!(point.get(), Point { x: -1.0, y: 2.0 });
    assert_eq!(padded.get(), Padded { small: 1, large: 2, odd: [9; 3] });
}

#[test]
fn atomics_lose_no_addition() {
    let count = RawValue::new(0_u64).unwrap();
    let child = |count: RawValue<u64>| {
        for _ in 0..20_000 {
            count.as_atomic().fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let children: Vec<_> = (0..4).map(|_| start(child, (count.clone(),))).collect();
    children.into_iter().for_each(|child| child.join().unwrap());
    assert_eq!(count.get(), 80_000);
}

#[test]
fn eight_bytes_are_never_torn() {
    let value = RawValue::new([0_u32; 2]).unwrap();
    let child = |value: RawValue<[u32; 2]>| {
        for n in 0..200_000 {
            value.set([n, n]);
        }
    };
    let child = start(child, (value.clone(),));
    while value.get()[0] < 199_999 {
        let [a, b] = value.get();
        assert_eq!(a, b);
    }
    child.join().unwrap();
}

#[test]
fn files_keep_values() {
    let file = TempFile::new();
    drop(RawValue::create_file(&file.0, 5_i16).unwrap());
    assert_eq!(RawValue::<i16>::open_file(&file.0).unwrap().get(), 5);
    assert_error!(RawValue::<u16>::open_file(&file.0), ShmError::Layout { .. });
    assert_error!(RawValue::new([0_u8; 0]), ShmError::Empty);
}
