//! What may live in memory that several processes share. The docs of the trait are the rule book.
#![allow(unsafe_code, reason = "declares an unsafe trait and vouches for the types of std")]

use std::marker::PhantomData;
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize,
};

use crossbeam_utils::CachePadded;

use crate::Layout;

#[diagnostic::on_unimplemented(
    message = "`{Self}` may not lie in memory shared between processes",
    label = "not shareable",
    note = "numbers, atomics, arrays of them and structs with `#[derive(Shareable)]` and \
            `#[repr(C)]` may; use `u8` for `bool` and enums, offsets for pointers, and fixed \
            arrays for `String` and `Vec`"
)]
/// A type whose values may lie in memory shared between processes.
///
/// Derive it for structs: the derive checks every field. Numbers, atomics and arrays of shareable
/// types have it.
///
/// # Safety
///
/// Who implements it by hand promises:
///
/// 1. **No address means anything.** No pointer, reference, descriptor or thread id in it is used
///    by another process than the one that wrote it; each maps the memory at another place.
/// 2. **Every bit pattern is a valid value** of every field. No `bool`, `char`, enum, reference,
///    `NonZero`: another process may write what it likes and must not thereby break the rules
///    of this one's compiler. All bytes zero is then a valid value too.
/// 3. **The layout is fixed** by `repr(C)`, `repr(transparent)` or a primitive type, since other
///    programs, built by other compilers, map the same bytes; and [`LAYOUT`](Shareable::LAYOUT)
///    tells types of different layout or meaning apart.
/// 4. **Interior changes are atomic**, or excluded by a lock that works between processes. `Sync`
///    must hold for threads of several processes: no lock by thread id, no process-private futex.
/// 5. **Dropping it does nothing.** Nobody drops what lies in shared memory; a type with a
///    destructor does not compile where a value is placed.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use ipc_shm::{Shareable, Shared};
///
/// #[derive(Shareable)]
/// #[repr(C)]
/// struct Progress {
///     done: AtomicU64,
///     total: u64,
/// }
///
/// let progress = Shared::new(Progress { done: AtomicU64::new(0), total: 100 })?;
/// progress.done.fetch_add(1, Ordering::Relaxed);
/// assert_eq!(progress.done.load(Ordering::Relaxed), 1);
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
///
/// A field that is not shareable does not compile:
///
/// ```compile_fail
/// #[derive(ipc_shm::Shareable)]
/// #[repr(C)]
/// struct Message {
///     text: String,
/// }
/// ```
///
/// Nor does placing what has a destructor:
///
/// ```compile_fail,E0080
/// #[derive(ipc_shm::Shareable)]
/// #[repr(C)]
/// struct Loud(u32);
///
/// impl Drop for Loud {
///     fn drop(&mut self) {}
/// }
///
/// let _ = ipc_shm::Shared::new(Loud(1));
/// ```
pub unsafe trait Shareable: Send + Sync + 'static {
    /// The shape that other programs must agree on.
    const LAYOUT: Layout;
}

macro_rules! shareable {
    ($($type:ident)*) => {$(
        // SAFETY: a number or an atomic one: no address, all bit patterns valid, no destructor, and
        // a layout that the language fixes.
        unsafe impl Shareable for $type {
            const LAYOUT: Layout =
                Layout::new(stringify!($type), size_of::<$type>(), align_of::<$type>())
                    .without_padding();
        }
    )*};
}

shareable! {
    u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64
    AtomicU8 AtomicU16 AtomicU32 AtomicU64 AtomicUsize
    AtomicI8 AtomicI16 AtomicI32 AtomicI64 AtomicIsize
}

// SAFETY: it has no bytes.
unsafe impl Shareable for () {
    const LAYOUT: Layout = Layout::new("()", 0, 1);
}

// SAFETY: it has no bytes; what it stands for is shareable, so it is `Send`, `Sync` and lives long
// enough.
unsafe impl<T: Shareable> Shareable for PhantomData<T> {
    const LAYOUT: Layout = Layout::new("PhantomData", 0, 1);
}

// SAFETY: an array is its elements in a row, and nothing else.
unsafe impl<T: Shareable, const N: usize> Shareable for [T; N] {
    const LAYOUT: Layout = Layout::array(T::LAYOUT, N);
}

// SAFETY: a `T` at offset 0 with padding behind it; the hash has the alignment, which depends on
// the processor.
unsafe impl<T: Shareable> Shareable for CachePadded<T> {
    const LAYOUT: Layout =
        Layout::new("CachePadded", size_of::<CachePadded<T>>(), align_of::<CachePadded<T>>())
            .with(T::LAYOUT);
}
