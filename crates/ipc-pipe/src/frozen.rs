//! A mapping of a memory file that nobody can change any more.
//!
//! A slice may only be handed out over memory that no other process can write. The kernel
//! vouches for that: once `F_SEAL_WRITE` and `F_SEAL_SHRINK` are set (which fails while a writable
//! mapping exists), the contents are fixed for ever, whoever else holds the file.
#![allow(unsafe_code, reason = "maps files")]

use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bytemuck::Pod;
use memmap2::{Mmap, MmapOptions};

use crate::sys;

/// Numbers in a sealed memory file, read in place.
pub(crate) struct Frozen<T> {
    mapping: Mmap,
    file: OwnedFd,
    element: PhantomData<T>,
}

impl<T: Pod> Frozen<T> {
    /// Maps the first `len` bytes of `file`.
    ///
    /// # Errors
    ///
    /// When the file is not sealed, is shorter, or `len` is no whole number of elements.
    pub(crate) fn map(file: OwnedFd, len: u64) -> io::Result<Self> {
        let sealed = sys::frozen_len(file.as_fd())?
            .ok_or_else(|| invalid("bulk data came in a file that is not sealed"))?;
        if len > sealed {
            return Err(invalid("bulk data is longer than its file"));
        }
        let len =
            usize::try_from(len).map_err(|_| invalid("bulk data exceeds the address space"))?;
        if size_of::<T>() == 0 || !len.is_multiple_of(size_of::<T>()) {
            return Err(invalid("bulk data is no whole number of elements"));
        }
        // SAFETY: `frozen_len` has seen F_SEAL_WRITE and F_SEAL_SHRINK on the file and `len` within
        // it, so nobody can write, punch or cut off the mapped bytes while the mapping lives.
        let mapping = unsafe { MmapOptions::new().len(len).map(&file)? };
        Ok(Frozen { mapping, file, element: PhantomData })
    }
}

impl<T> AsFd for Frozen<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl<T: Pod> Deref for Frozen<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        bytemuck::cast_slice(&self.mapping)
    }
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
