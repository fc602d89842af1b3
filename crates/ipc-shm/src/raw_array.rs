//! Many values without a lock: Python's `RawArray`.
#![allow(unsafe_code, reason = "gives out a payload as atomics")]

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use crate::atomic::HasAtomic;
use crate::place::Place;
use crate::{Layout, Region, RegionOptions, Shareable, ShmError, value};

/// A fixed number of values that several processes get and set, without a lock.
///
/// Elements of 1, 2, 4 or 8 bytes are read and written in one piece, also where many are copied at
/// once; nothing more is. All access is by copy, so that another process may write at any time. For
/// slices of the memory itself, see [`SharedSlice`](crate::SharedSlice).
///
/// It opens and travels like [`Shared`](crate::Shared).
///
/// # When a process dies
///
/// A part of what it was copying has been written.
///
/// # Examples
///
/// ```
/// use ipc_shm::RawArray;
///
/// let squares = RawArray::<u32>::with_len(5)?;
/// for i in 0..5 {
///     squares.set(i, (i * i) as u32)?;
/// }
/// assert_eq!(squares.to_vec(), [0, 1, 4, 9, 16]);
/// assert_eq!(squares.get(5), None);
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
pub struct RawArray<T> {
    region: Region,
    elements: PhantomData<T>,
}

crate::attach::attachable!(RawArray<T: Shareable + Copy>, "array");
crate::attach::transferable!(RawArray<T: Shareable + Copy>);
crate::attach::cloned!(RawArray<T>: region, elements);

impl<T: Shareable + Copy> RawArray<T> {
    const LAYOUT: Layout =
        Layout::new("ipc_shm::RawArray", size_of::<T>(), align_of::<T>()).with(T::LAYOUT);

    /// Makes an array of `len` elements, all of whose bytes are zero, in memory without a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::Empty`] for no elements, [`ShmError::TooLarge`], [`ShmError::OutOfMemory`], or
    /// what the system refused.
    pub fn with_len(len: usize) -> Result<RawArray<T>, ShmError> {
        RawArray::place(RegionOptions::new().in_memory(), len, &[])
    }

    /// Makes an array with a copy of `values`, in memory without a name.
    ///
    /// # Errors
    ///
    /// As for [`with_len`](RawArray::with_len).
    pub fn from_slice(values: &[T]) -> Result<RawArray<T>, ShmError> {
        RawArray::place(RegionOptions::new().in_memory(), values.len(), values)
    }

    /// Makes an array with a copy of `values`, in memory under a name that is free.
    ///
    /// # Errors
    ///
    /// As for [`with_len`](RawArray::with_len); besides, [`ShmError::InvalidName`] and
    /// [`ShmError::AlreadyExists`].
    pub fn create(name: &str, values: &[T]) -> Result<RawArray<T>, ShmError> {
        RawArray::place(Place::Named(name), values.len(), values)
    }

    /// Makes an array with a copy of `values` in a new file.
    ///
    /// # Errors
    ///
    /// As for [`with_len`](RawArray::with_len); besides, [`ShmError::AlreadyExists`],
    /// [`ShmError::NotFound`] and [`ShmError::PermissionDenied`] about the path.
    pub fn create_file(path: impl AsRef<Path>, values: &[T]) -> Result<RawArray<T>, ShmError> {
        RawArray::place(Place::File(path.as_ref()), values.len(), values)
    }

    /// How many elements there are, never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.region.count()
    }

    /// Where the elements lie in this process, for those who know when nobody else writes there.
    #[must_use]
    pub fn as_ptr(&self) -> *mut T {
        self.place_of(0).cast()
    }

    /// The element at `index` as it is now; `None` beyond the end.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> Option<T> {
        // SAFETY: the element lies in the payload by its checked layout and length, at a multiple
        // of its size from a multiple of 64.
        (index < self.len()).then(|| unsafe { value::load(self.place_of(index)) })
    }

    /// Replaces the element at `index`.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`].
    #[inline]
    pub fn set(&self, index: usize, value: T) -> Result<(), ShmError> {
        self.check(index, 1)?;
        // SAFETY: as in `get`; the index has been checked.
        unsafe { value::store(self.place_of(index), value) };
        Ok(())
    }

    /// Sets every element to `value`.
    pub fn fill(&self, value: T) {
        for index in 0..self.len() {
            // SAFETY: as in `get`; the index is below the length.
            unsafe { value::store(self.place_of(index), value) };
        }
    }

    /// Copies the elements from `start` on into `values`.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; then nothing is copied.
    pub fn copy_to(&self, start: usize, values: &mut [T]) -> Result<(), ShmError> {
        self.check(start, values.len())?;
        // SAFETY: as in `get`; the range has been checked, and the slice is private.
        unsafe { value::load_raw(values.as_mut_ptr(), self.place_of(start), values.len()) };
        Ok(())
    }

    /// Copies `values` over the elements from `start` on.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; then nothing is copied.
    pub fn copy_from(&self, start: usize, values: &[T]) -> Result<(), ShmError> {
        self.check(start, values.len())?;
        // SAFETY: as in `get`; the range has been checked.
        unsafe { value::store_all(self.place_of(start), values) };
        Ok(())
    }

    /// A private copy of all elements.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        let mut values = Vec::with_capacity(self.len());
        // SAFETY: there is room for as many values as there are elements; the rest as in `get`.
        unsafe { value::load_raw(values.as_mut_ptr(), self.place_of(0), self.len()) };
        // SAFETY: all of them have just been written.
        unsafe { values.set_len(self.len()) };
        values
    }

    /// The elements, each as it is when its turn comes.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    #[inline]
    fn place_of(&self, index: usize) -> *mut u8 {
        self.region.as_ptr().wrapping_add(index * size_of::<T>())
    }

    #[inline]
    fn check(&self, start: usize, count: usize) -> Result<(), ShmError> {
        let (end, len) = (start.saturating_add(count), self.len());
        if end > len { Err(ShmError::OutOfBounds { end, len }) } else { Ok(()) }
    }

    fn place(place: Place<'_>, len: usize, values: &[T]) -> Result<RawArray<T>, ShmError> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(ShmError::TooLarge)?;
        let options = RegionOptions::new().layout(Self::LAYOUT).count(len);
        let region = options.create(place, bytes, |payload| {
            // SAFETY: the payload has room for `len` elements, which is as many as there are
            // values, or there are none.
            unsafe { value::store_all(payload.as_ptr(), values) };
            Ok(())
        })?;
        Ok(RawArray { region, elements: PhantomData })
    }

    fn attach(region: Region) -> Result<RawArray<T>, ShmError> {
        region.check_elements(Self::LAYOUT)?;
        Ok(RawArray { region, elements: PhantomData })
    }
}

impl<T: HasAtomic> RawArray<T> {
    /// The numbers as atomic ones, to change each in one step.
    #[must_use]
    pub fn as_atomics(&self) -> &[T::Atomic] {
        let first = self.region.as_ptr().cast::<T::Atomic>();
        // SAFETY: the atomics have the size of the numbers, every bit pattern is valid, the payload
        // lies at a multiple of 64, is mapped while `self` lives, and is accessed atomically only.
        unsafe { std::slice::from_raw_parts(first, self.len()) }
    }
}

impl<T> fmt::Debug for RawArray<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RawArray").field("region", &self.region).finish_non_exhaustive()
    }
}
