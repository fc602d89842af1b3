//! Whole values to and from memory that others write at the same moment.
//!
//! What has padding is made plain bytes first: padding has no value, and copying it as a number
//! would break the compiler's rules. An empty piece of assembly, of which the compiler must assume
//! that it has written all bytes, does so without an instruction.
#![allow(unsafe_code, reason = "works on pointers into mappings")]

use std::mem::MaybeUninit;

use crate::Shareable;
use crate::copy::{copy_in, copy_out, load_1, load_2, load_4, load_8};
use crate::copy::{store_1, store_2, store_4, store_8};

/// Reads a value; in one piece if it has 1, 2, 4 or 8 bytes.
///
/// # Safety
///
/// `from` must lie in shared memory, be valid for a `T`, and be a multiple of the size of `T` if
/// that is one of the four.
#[inline]
pub(crate) unsafe fn load<T: Shareable + Copy>(from: *const u8) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    let to = value.as_mut_ptr().cast::<u8>();
    match size_of::<T>() {
        // SAFETY: `to` is one byte, and the caller vouches for `from`.
        1 => unsafe { load_1(to, from) },
        // SAFETY: `to` is two bytes, and the caller vouches for `from`.
        2 => unsafe { load_2(to, from) },
        // SAFETY: `to` is four bytes, and the caller vouches for `from`.
        4 => unsafe { load_4(to, from) },
        // SAFETY: `to` is eight bytes, and the caller vouches for `from`.
        8 => unsafe { load_8(to, from) },
        // SAFETY: `to` is private and as long as a `T`, and the caller vouches for `from`.
        len => unsafe { copy_out(to, from, len) },
    }
    // SAFETY: all bytes are initialised, and every bit pattern is a `T`, as `Shareable` promises.
    unsafe { value.assume_init() }
}

/// Writes a value; in one piece if it has 1, 2, 4 or 8 bytes.
///
/// # Safety
///
/// As for [`load`].
#[inline]
pub(crate) unsafe fn store<T: Shareable + Copy>(to: *mut u8, value: T) {
    let mut value = MaybeUninit::new(value);
    if const { T::LAYOUT.has_padding() } {
        make_plain(&mut value);
    }
    let from = value.as_ptr().cast::<u8>();
    match size_of::<T>() {
        // SAFETY: `from` is one plain byte, and the caller vouches for `to`.
        1 => unsafe { store_1(to, from) },
        // SAFETY: `from` is two plain bytes, and the caller vouches for `to`.
        2 => unsafe { store_2(to, from) },
        // SAFETY: `from` is four plain bytes, and the caller vouches for `to`.
        4 => unsafe { store_4(to, from) },
        // SAFETY: `from` is eight plain bytes, and the caller vouches for `to`.
        8 => unsafe { store_8(to, from) },
        // SAFETY: `from` is private, plain and as long as a `T`; the caller vouches for `to`.
        len => unsafe { copy_in(to, from, len) },
    }
}

/// Writes values one after the other.
///
/// # Safety
///
/// As for [`load`], for all of them.
pub(crate) unsafe fn store_all<T: Shareable + Copy>(to: *mut u8, values: &[T]) {
    if const { T::LAYOUT.has_padding() } {
        for (at, value) in values.iter().enumerate() {
            // SAFETY: the caller vouches for the place of every element.
            unsafe { store(to.wrapping_add(at * size_of::<T>()), *value) };
        }
        return;
    }
    // SAFETY: a slice is private, and without padding all its bytes have values; the caller
    // vouches for `to`.
    unsafe { copy_in(to, values.as_ptr().cast(), size_of_val(values)) };
}

/// Reads `count` values one after the other.
///
/// # Safety
///
/// As for [`load`], for all of them; `to` must be private and have room for as many.
pub(crate) unsafe fn load_raw<T: Shareable + Copy>(to: *mut T, from: *const u8, count: usize) {
    // SAFETY: the caller vouches for both; every bit pattern is a `T`.
    unsafe { copy_out(to.cast(), from, count * size_of::<T>()) };
}

/// Gives padding the value that it happens to have.
fn make_plain<T>(value: &mut MaybeUninit<T>) {
    #[cfg(not(miri))]
    // SAFETY: there is no instruction in it. As far as the compiler knows, it reads the bytes and
    // writes them back.
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) value.as_mut_ptr(), options(nostack, preserves_flags));
    }
    #[cfg(miri)]
    let _ = value;
}
