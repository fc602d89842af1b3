//! `#[derive(Shareable)]` on structs of every shape it takes.

use std::marker::PhantomData;
use std::sync::atomic::AtomicU32;

use ipc_shm::{Layout, Shareable};

#[derive(Shareable)]
#[repr(C)]
struct Named<T, const N: usize>
where
    T: Copy,
{
    /// Documented.
    pub count: AtomicU32,
    pub(crate) values: [T; N],
    r#type: u32,
    nothing: PhantomData<[T; N]>,
    numbered: Numbered,
}

#[derive(Shareable)]
#[repr(C, align(16))]
struct Numbered(pub u8, pub(self) (), [u8; 2]);

#[derive(Shareable)]
#[repr(transparent)]
struct Bounded<T: Into<u64>>(T)
where
    T: From<u8>;

#[derive(Shareable)]
#[repr(C)]
struct Unit;

#[test]
fn layouts_are_read() {
    let seen = |layout: Layout| (layout.size(), layout.align(), layout.has_padding());
    assert_eq!(seen(Named::<u16, 4>::LAYOUT), (32, 16, true));
    assert_eq!(seen(Numbered::LAYOUT), (16, 16, true));
    assert_eq!(seen(Bounded::<u32>::LAYOUT), (4, 4, false));
    assert_eq!(seen(Unit::LAYOUT), (0, 1, false));
}
