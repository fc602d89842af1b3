//! Which numbers have an atomic form of the same size.

use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};

use crate::Shareable;

/// A whole number that can be changed in one step, by its atomic form.
///
/// All whole numbers of up to 64 bits have one. Nobody else can implement it.
pub trait HasAtomic: Shareable + Copy + sealed::Sealed {
    /// The atomic form, of the same size.
    type Atomic: Shareable;
}

mod sealed {
    /// Keeps the trait above to the types here, whose sizes are checked.
    pub trait Sealed {}
}

macro_rules! has_atomic {
    ($($number:ident: $atomic:ident),*) => {$(
        impl sealed::Sealed for $number {}
        impl HasAtomic for $number {
            type Atomic = $atomic;
        }
        const _: () = assert!(size_of::<$number>() == size_of::<$atomic>());
    )*};
}

has_atomic! {
    u8: AtomicU8, u16: AtomicU16, u32: AtomicU32, u64: AtomicU64, usize: AtomicUsize,
    i8: AtomicI8, i16: AtomicI16, i32: AtomicI32, i64: AtomicI64, isize: AtomicIsize
}
