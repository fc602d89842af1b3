//! Arrays without a lock.

use std::sync::atomic::Ordering::Relaxed;

use ipc_shm::{RawArray, Shareable, ShmError};

use crate::support::{TempFile, assert_error, run, unique};

#[derive(Clone, Copy, Debug, PartialEq, Shareable)]
#[repr(C)]
struct Padded {
    small: u8,
    large: u32,
}

#[test]
fn smoke() {
    let array = RawArray::from_slice(&[1.5, 2.5, 3.5]).unwrap();
    run(
        |array: RawArray<f64>| {
            for i in 0..array.len() {
                array.set(i, 2.0 * array.get(i).unwrap()).unwrap();
            }
        },
        (array.clone(),),
    );
    assert_eq!(array.to_vec(), [3.0, 5.0, 7.0]);
    assert_eq!(array.iter().sum::<f64>(), 15.0);
    assert!(array.clone().set(0, 1.0).is_ok());
    assert_eq!(array.get(0), Some(1.0));
}

#[test]
fn a_length_makes_zeros() {
    assert_eq!(RawArray::<i64>::with_len(1000).unwrap().to_vec(), [0; 1000]);
    assert_error!(RawArray::<i64>::with_len(0), ShmError::Empty);
    assert_error!(RawArray::<i64>::from_slice(&[]), ShmError::Empty);
    assert_error!(RawArray::<i64>::with_len(usize::MAX / 4), ShmError::TooLarge);
    assert_error!(RawArray::<[u8; 0]>::with_len(4), ShmError::Empty);
}

#[test]
fn indices_and_ranges_are_checked() {
    let array = RawArray::from_slice(&[1_u16, 2, 3]).unwrap();
    assert_eq!((array.get(2), array.get(3), array.get(usize::MAX)), (Some(3), None, None));
    assert_error!(array.set(3, 0), ShmError::OutOfBounds { end: 4, len: 3 });
    assert_error!(array.copy_from(2, &[0; 2]), ShmError::OutOfBounds { end: 4, len: 3 });
    assert_error!(array.copy_to(usize::MAX, &mut [0; 2]), ShmError::OutOfBounds { .. });
    array.copy_from(3, &[]).unwrap();
    assert_eq!(array.to_vec(), [1, 2, 3]);
}

#[test]
fn copies_reach_exactly_their_range() {
    let array = RawArray::<u8>::with_len(100).unwrap();
    for start in 0..20 {
        for len in 0..40 {
            array.fill(0);
            array.copy_from(start, &vec![7; len]).unwrap();
            let expected: Vec<u8> =
                (0..100).map(|i| if (start..start + len).contains(&i) { 7 } else { 0 }).collect();
            assert_eq!(array.to_vec(), expected);
            let mut back = vec![1; len];
            array.copy_to(start, &mut back).unwrap();
            assert_eq!(back, vec![7; len]);
        }
    }
}

#[test]
fn structs_with_padding_are_copied() {
    let values: Vec<Padded> = (0..9).map(|n| Padded { small: n, large: 1000 }).collect();
    let array = RawArray::from_slice(&values).unwrap();
    array.set(4, Padded { small: 99, large: 0 }).unwrap();
    assert_eq!(array.get(3), Some(values[3]));
    assert_eq!(array.to_vec()[4], Padded { small: 99, large: 0 });
    array.fill(values[1]);
    assert_eq!(array.to_vec(), [values[1]; 9]);
}

#[test]
fn names_and_files_lead_to_the_same() {
    let (name, file) = (unique("array"), TempFile::new());
    let named = RawArray::create(&name, &[1_u8, 2, 3]).unwrap();
    drop(RawArray::create_file(&file.0, &[1_u8, 2, 3]).unwrap());
    RawArray::<u8>::open(&name).unwrap().set(0, 9).unwrap();
    RawArray::<u8>::open_file(&file.0).unwrap().set(0, 9).unwrap();
    assert_eq!(named.to_vec(), [9, 2, 3]);
    assert_eq!(RawArray::<u8>::open_file(&file.0).unwrap().to_vec(), [9, 2, 3]);
    assert_error!(RawArray::<i8>::open(&name), ShmError::Layout { .. });
}

#[test]
fn elements_are_atomics_too() {
    let counts = RawArray::<i32>::with_len(3).unwrap();
    counts.as_atomics()[1].fetch_sub(5, Relaxed);
    assert_eq!(counts.to_vec(), [0, -5, 0]);
}
