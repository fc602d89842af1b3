//! Layouts, and what the derive makes of structs.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, AtomicU64};

use crossbeam_utils::CachePadded;
use ipc_shm::{Layout, Shareable};

#[derive(Clone, Copy, Debug, PartialEq, Shareable)]
#[repr(C)]
struct Point {
    x: f64,
    pub(crate) y: f64,
}

#[derive(Shareable)]
#[repr(C)]
struct Padded {
    small: u8,
    large: u64,
}

#[derive(Shareable)]
#[repr(C, align(64))]
struct Tuple(pub u32, pub(crate) (), [AtomicU8; 4]);

#[derive(Shareable)]
#[repr(transparent)]
struct Generic<T: Copy, const N: usize>
where
    T: Default,
{
    /// An attribute to skip.
    values: [T; N],
}

#[derive(Shareable)]
#[repr(C)]
struct Nested<A, B> {
    first: Generic<u16, 4>,
    pair: [PhantomData<A>; 2],
    last: CachePadded<B>,
}

mod elsewhere {
    #[derive(ipc_shm::Shareable)]
    #[repr(C)]
    pub(super) struct Point {
        y: f64,
        x: f64,
    }
}

#[test]
fn sizes_and_padding_are_known() {
    let seen = |layout: Layout| (layout.size(), layout.align(), layout.has_padding());
    assert_eq!(seen(Point::LAYOUT), (16, 8, false));
    assert_eq!(seen(Padded::LAYOUT), (16, 8, true));
    assert_eq!(seen(Tuple::LAYOUT), (64, 64, true));
    assert_eq!(seen(Generic::<u32, 3>::LAYOUT), (12, 4, false));
    assert_eq!(seen(<[Point; 4]>::LAYOUT), (64, 8, false));
    assert!(<[Padded; 4]>::LAYOUT.has_padding());
    assert!(Nested::<u8, u64>::LAYOUT.has_padding());
    assert_eq!(seen(AtomicU64::LAYOUT), (8, 8, false));
    assert_eq!(seen(<()>::LAYOUT), (0, 1, false));
}

#[test]
fn every_difference_is_another_hash() {
    let hashes = [
        u8::LAYOUT,
        i8::LAYOUT,
        u64::LAYOUT,
        f64::LAYOUT,
        AtomicU64::LAYOUT,
        <[u64; 1]>::LAYOUT,
        <[u64; 2]>::LAYOUT,
        <[[u64; 1]; 2]>::LAYOUT,
        Point::LAYOUT,
        elsewhere::Point::LAYOUT,
        Padded::LAYOUT,
        Tuple::LAYOUT,
        Generic::<u32, 3>::LAYOUT,
        Generic::<i32, 3>::LAYOUT,
        Generic::<u32, 4>::LAYOUT,
        Nested::<u8, u64>::LAYOUT,
        Nested::<u8, i64>::LAYOUT,
        Layout::BYTES,
        Layout::new("ab", 1, 1).with_field("c", 0, u8::LAYOUT),
        Layout::new("a", 1, 1).with_field("bc", 0, u8::LAYOUT),
    ]
    .map(|layout| layout.hash());
    for (at, hash) in hashes.iter().enumerate() {
        assert!(!hashes[..at].contains(hash), "number {at} repeats");
    }
}
