//! Copies between private memory and memory that others write at the same moment.
//!
//! Shared bytes are touched by relaxed atomic loads and stores only, of the widest unit that the
//! place allows: 8, 4, 2 or 1 bytes. What lies at a multiple of its own size (1, 2, 4 or 8) is
//! thus copied in one piece, whatever surrounds it; anything else may be torn.
//!
//! Doubt: where two threads of *one* process copy the same bytes in units of different widths at
//! the same time, the letter of Rust's memory model has no rule. Every processor has one (aligned
//! accesses of up to 8 bytes are atomic, mixed or not), and atomics are not split by the compiler.
//! Long copies on x86-64 are one instruction (`rep movsq`, three times as quick as a loop of
//! atomics), for which no manual promises that words stay whole; processors that copy by lines of
//! the cache or parts of them, as all known ones do, keep them so.
#![allow(unsafe_code, reason = "works on pointers into mappings")]

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

use memmap2::MmapRaw;

macro_rules! unit {
    ($store:ident, $load:ident, $number:ty, $atomic:ty) => {
        /// # Safety
        ///
        /// `to` must be valid for atomic writes of the unit and aligned to it; the bytes at `from`
        /// must be readable and initialised.
        #[inline]
        pub(crate) unsafe fn $store(to: *mut u8, from: *const u8) {
            // SAFETY: the caller vouches that the bytes at `from` are readable and initialised.
            let value = unsafe { from.cast::<$number>().read_unaligned() };
            // SAFETY: the caller vouches for `to`, and all access to shared bytes is atomic.
            let to = unsafe { <$atomic>::from_ptr(to.cast()) };
            to.store(value, Relaxed);
        }

        /// # Safety
        ///
        /// `from` must be valid for atomic reads of the unit and aligned to it; `to` must be
        /// writable.
        #[inline]
        pub(crate) unsafe fn $load(to: *mut u8, from: *const u8) {
            // SAFETY: the caller vouches for `from`, and all access to shared bytes is atomic. A
            // load does not write, so that the pointer may have come from a `*const`.
            let value = unsafe { <$atomic>::from_ptr(from.cast_mut().cast()) }.load(Relaxed);
            // SAFETY: the caller vouches that the bytes at `to` are writable.
            unsafe { to.cast::<$number>().write_unaligned(value) };
        }
    };
}

unit!(store_1, load_1, u8, AtomicU8);
unit!(store_2, load_2, u16, AtomicU16);
unit!(store_4, load_4, u32, AtomicU32);
unit!(store_8, load_8, u64, AtomicU64);

/// From this many bytes on, a copy is worth the start of the processor's own.
#[cfg(all(target_arch = "x86_64", not(miri)))]
const LONG: usize = 512;

/// Copies whole words of eight bytes, and says how many bytes that were.
///
/// # Safety
///
/// Both must be valid for `len` bytes, the shared one aligned to eight and touched only atomically
/// meanwhile; they must overlap nowhere.
#[inline]
unsafe fn copy_words(to: *mut u8, from: *const u8, len: usize, one: Unit) -> usize {
    let whole = len - len % 8;
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if len >= LONG {
        // SAFETY: the instruction copies `whole` bytes upward, for which the caller vouches; the
        // compiler knows nothing of them but that they may have changed. The direction flag is
        // clear, as the ABI has it.
        unsafe {
            std::arch::asm!(
                "rep movsq",
                inout("rcx") whole / 8 => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags)
            );
        }
        return whole;
    }
    for done in (0..whole).step_by(8) {
        // SAFETY: these eight bytes are the caller's, and the shared place stays aligned.
        unsafe { one(to.wrapping_add(done), from.wrapping_add(done)) };
    }
    whole
}

/// Copies one unit.
type Unit = unsafe fn(*mut u8, *const u8);

/// Runs `$unit(to, from)` for all of `len` bytes, in the widest units that `$shared` allows.
macro_rules! in_units {
    ($len:ident, $to:ident, $from:ident, $shared:ident:
     $one:ident, $two:ident, $four:ident, $eight:ident) => {
        let mut done = 0;
        while done < $len {
            let (left, at) = ($len - done, $shared.addr() + done);
            let (to, from) = ($to.wrapping_add(done), $from.wrapping_add(done));
            done += if left >= 8 && at.is_multiple_of(8) {
                // SAFETY: the rest of the caller's bytes, and the shared place is aligned.
                unsafe { copy_words(to, from, left, $eight) }
            } else if left >= 4 && at.is_multiple_of(4) {
                // SAFETY: four of the caller's bytes are left, and the shared place is aligned.
                unsafe { $four(to, from) };
                4
            } else if left >= 2 && at.is_multiple_of(2) {
                // SAFETY: two of the caller's bytes are left, and the shared place is aligned.
                unsafe { $two(to, from) };
                2
            } else {
                // SAFETY: one of the caller's bytes is left.
                unsafe { $one(to, from) };
                1
            };
        }
    };
}

/// Copies `len` private bytes to shared memory, as relaxed atomic stores of the widest units that
/// the place allows.
///
/// # Safety
///
/// `to` must be valid for `len` bytes that are only touched atomically meanwhile; `from` must be
/// readable for as many bytes, all of them initialised, and overlap them nowhere.
#[inline]
pub unsafe fn copy_in(to: *mut u8, from: *const u8, len: usize) {
    in_units!(len, to, from, to: store_1, store_2, store_4, store_8);
}

/// Copies `len` shared bytes to private memory, as relaxed atomic loads of the widest units that the
/// place allows.
///
/// # Safety
///
/// `from` must be valid for `len` bytes that are only touched atomically meanwhile; `to` must be
/// writable for as many bytes, and overlap them nowhere.
#[inline]
pub unsafe fn copy_out(to: *mut u8, from: *const u8, len: usize) {
    in_units!(len, to, from, from: load_1, load_2, load_4, load_8);
}

/// Copies private bytes into a mapping, at `offset`.
///
/// # Panics
///
/// When they do not fit; callers have checked the range.
pub(crate) fn put(mapping: &MmapRaw, offset: usize, bytes: &[u8]) {
    assert!(fits(mapping, offset, bytes.len()), "the range was checked");
    let to = mapping.as_mut_ptr().wrapping_add(offset);
    // SAFETY: the range lies within the mapping, which is borrowed, and `bytes` is private.
    unsafe { copy_in(to, bytes.as_ptr(), bytes.len()) };
}

/// Copies bytes of a mapping, from `offset` on.
///
/// # Panics
///
/// When there are not so many; callers have checked the range.
pub(crate) fn take(mapping: &MmapRaw, offset: usize, bytes: &mut [u8]) {
    assert!(fits(mapping, offset, bytes.len()), "the range was checked");
    let from = mapping.as_mut_ptr().wrapping_add(offset);
    // SAFETY: the range lies within the mapping, which is borrowed, and `bytes` is private.
    unsafe { copy_out(bytes.as_mut_ptr(), from, bytes.len()) };
}

fn fits(mapping: &MmapRaw, offset: usize, len: usize) -> bool {
    offset.checked_add(len).is_some_and(|end| end <= mapping.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_place_and_length_is_copied_whole() {
        let private: Vec<u8> = (0..540).map(|n| (n % 251 + 1) as u8).collect();
        for start in 0..8 {
            for len in (0..24).chain([511, 512, 513, 520, 540]) {
                let mut words = [0_u64; 72];
                let shared = words.as_mut_ptr().cast::<u8>().wrapping_add(start);
                let mut back = [0_u8; 540];
                // SAFETY: 8 + 540 bytes lie within the 576 of `words` and the 540 of `private`.
                unsafe { copy_in(shared, private.as_ptr(), len) };
                // SAFETY: the same bytes, and `back` has 540.
                unsafe { copy_out(back.as_mut_ptr(), shared, len) };
                assert_eq!(back[..len], private[..len]);
                assert!(back[len..].iter().all(|&byte| byte == 0));
            }
        }
    }
}
