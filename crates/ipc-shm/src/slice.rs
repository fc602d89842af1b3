//! Many values in shared memory, borrowed in parts.
#![allow(unsafe_code, reason = "copies elements while they are locked")]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, Range, RangeBounds};
use std::path::Path;

use crate::borrow::{SliceMut, SliceRef, bytes_in_file};
use crate::place::Place;
use crate::sys::Lock;
use crate::turn::Patience;
use crate::{Layout, Region, RegionOptions, Shareable, ShmError, value};

/// A handle to some of the elements of an array that several processes share.
///
/// [`read`](SharedSlice::read) and [`write`](SharedSlice::write) borrow the memory itself as a
/// slice, without a copy. The rules are those of Rust, kept by the kernel between all processes
/// that have the memory: any number may read, or one may write, and parts that do not overlap have
/// nothing to do with each other. What would break them is [`ShmError::Borrowed`], not a data race.
///
/// So several workers fill one array: [`split`](SharedSlice::split) it, send each a part, and let
/// each `write` its own. Clones and parts are handles to the same memory, which goes with the last
/// of them in any process. With the feature `transfer` they can be sent.
///
/// # When a process dies
///
/// The kernel frees its borrows at once, also if it is killed. What it was writing is then
/// written in part. A child that was *forked* while a guard was held has a copy of that guard,
/// which it must not use: the borrow is its parent's. It lasts until the parent drops it, or, if
/// that is killed, until the child has ended, too.
///
/// # Examples
///
/// ```
/// use ipc_shm::SharedSlice;
///
/// let all = SharedSlice::<f64>::with_len(1000)?;
/// std::thread::scope(|scope| { // Processes would do the same.
///     for (n, part) in all.split(4).into_iter().enumerate() {
///         scope.spawn(move || part.write().expect("the parts are disjoint").fill(n as f64));
///     }
/// });
/// let guard = all.read()?;
/// assert_eq!(guard.iter().sum::<f64>(), 250.0 * (0.0 + 1.0 + 2.0 + 3.0));
/// assert!(all.range(10..20)?.write().is_err(), "it is being read");
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
pub struct SharedSlice<T> {
    region: Region,
    start: usize,
    len: usize,
    elements: PhantomData<T>,
}

crate::attach::attachable!(SharedSlice<T: Shareable + Copy>, "array");
crate::attach::cloned!(SharedSlice<T>: region, start, len, elements);

impl<T: Shareable + Copy> SharedSlice<T> {
    const LAYOUT: Layout =
        Layout::new("ipc_shm::SharedSlice", size_of::<T>(), align_of::<T>()).with(T::LAYOUT);

    /// Makes an array of `len` elements, all of whose bytes are zero, in memory without a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::Empty`] for no elements, [`ShmError::TooLarge`], [`ShmError::OutOfMemory`], or
    /// what the system refused.
    pub fn with_len(len: usize) -> Result<SharedSlice<T>, ShmError> {
        SharedSlice::place(RegionOptions::new().in_memory(), len, &[])
    }

    /// Makes an array with a copy of `values`, in memory without a name.
    ///
    /// # Errors
    ///
    /// As for [`with_len`](SharedSlice::with_len).
    pub fn from_slice(values: &[T]) -> Result<SharedSlice<T>, ShmError> {
        SharedSlice::place(RegionOptions::new().in_memory(), values.len(), values)
    }

    /// Makes an array with a copy of `values`, in memory under a name that is free.
    ///
    /// # Errors
    ///
    /// As for [`with_len`](SharedSlice::with_len); besides, [`ShmError::InvalidName`] and
    /// [`ShmError::AlreadyExists`].
    pub fn create(name: &str, values: &[T]) -> Result<SharedSlice<T>, ShmError> {
        SharedSlice::place(Place::Named(name), values.len(), values)
    }

    /// Makes an array with a copy of `values` in a new file.
    ///
    /// # Errors
    ///
    /// As for [`with_len`](SharedSlice::with_len); besides, [`ShmError::AlreadyExists`],
    /// [`ShmError::NotFound`] and [`ShmError::PermissionDenied`] about the path.
    pub fn create_file(path: impl AsRef<Path>, values: &[T]) -> Result<SharedSlice<T>, ShmError> {
        SharedSlice::place(Place::File(path.as_ref()), values.len(), values)
    }

    /// How many elements this handle reaches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether this handle reaches no elements, as a part may.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A handle to some of the elements.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`], also for a range that ends before it starts.
    pub fn range(&self, range: impl RangeBounds<usize>) -> Result<SharedSlice<T>, ShmError> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.saturating_add(1),
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len,
        };
        if start > end || end > self.len {
            return Err(ShmError::OutOfBounds { end: end.max(start), len: self.len });
        }
        Ok(self.part(start..end))
    }

    /// Handles to `parts` parts of about equal length, one after the other. Some are empty if there
    /// are more parts than elements.
    #[must_use]
    pub fn split(&self, parts: usize) -> Vec<SharedSlice<T>> {
        let (each, longer) = (self.len / parts.max(1), self.len % parts.max(1));
        let start = |part: usize| part * each + part.min(longer);
        (0..parts).map(|part| self.part(start(part)..start(part + 1))).collect()
    }

    /// Borrows the elements to read them, together with other readers.
    ///
    /// # Errors
    ///
    /// [`ShmError::Borrowed`] if someone writes a part of them; what the system refused, such as
    /// one more descriptor.
    pub fn read(&self) -> Result<SliceRef<T>, ShmError> {
        SliceRef::new(&self.region, self.elements(), Patience::None)
    }

    /// Borrows the elements to write them, alone.
    ///
    /// # Errors
    ///
    /// [`ShmError::Borrowed`] if someone reads or writes a part of them; what the system refused,
    /// such as one more descriptor.
    pub fn write(&self) -> Result<SliceMut<T>, ShmError> {
        SliceMut::new(&self.region, self.elements(), Patience::None)
    }

    /// Borrows the elements to read them, and waits for whoever writes a part of them.
    ///
    /// A thread that holds such a guard itself waits for ever.
    ///
    /// # Errors
    ///
    /// What the system refused.
    pub fn read_wait(&self) -> Result<SliceRef<T>, ShmError> {
        SliceRef::new(&self.region, self.elements(), Patience::Some)
    }

    /// Borrows the elements to write them, and waits for whoever reads or writes a part of them.
    ///
    /// A thread that holds such a guard itself waits for ever.
    ///
    /// # Errors
    ///
    /// What the system refused.
    pub fn write_wait(&self) -> Result<SliceMut<T>, ShmError> {
        SliceMut::new(&self.region, self.elements(), Patience::Some)
    }

    /// A copy of the element at `index`, which is borrowed for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; [`ShmError::Borrowed`] if someone writes it.
    pub fn get(&self, index: usize) -> Result<T, ShmError> {
        self.with_element(index, Lock::Shared, |place| {
            // SAFETY: the element lies in the payload, and nobody writes it while it is locked.
            unsafe { place.cast::<T>().read() }
        })
    }

    /// Replaces the element at `index`, which is borrowed for as long as that takes.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; [`ShmError::Borrowed`] if someone reads or writes it.
    pub fn set(&self, index: usize, value: T) -> Result<(), ShmError> {
        self.with_element(index, Lock::Exclusive, |place| {
            // SAFETY: the element lies in the payload, and is ours alone while it is locked.
            unsafe { place.cast::<T>().write(value) };
        })
    }

    /// A private copy of the elements.
    ///
    /// # Errors
    ///
    /// As for [`read`](SharedSlice::read).
    pub fn to_vec(&self) -> Result<Vec<T>, ShmError> {
        Ok(self.read()?.to_vec())
    }

    fn with_element<R>(
        &self,
        index: usize,
        lock: Lock,
        access: impl FnOnce(*mut u8) -> R,
    ) -> Result<R, ShmError> {
        let element = self.range(index..index.saturating_add(1))?;
        let place = self.region.as_ptr().wrapping_add(element.start * size_of::<T>());
        match bytes_in_file::<T>(&self.region, element.elements()) {
            Some(bytes) => self.region.take_turn(bytes, lock, Patience::None, || access(place)),
            None => Err(ShmError::OutOfBounds { end: index, len: self.len }),
        }
    }

    fn elements(&self) -> Range<usize> {
        self.start..self.start + self.len
    }

    /// `range` must lie within the elements.
    fn part(&self, range: Range<usize>) -> SharedSlice<T> {
        let start = self.start + range.start;
        SharedSlice { region: self.region.clone(), start, len: range.len(), elements: PhantomData }
    }

    fn place(place: Place<'_>, len: usize, values: &[T]) -> Result<SharedSlice<T>, ShmError> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(ShmError::TooLarge)?;
        let options = RegionOptions::new().layout(Self::LAYOUT).count(len);
        let region = options.create(place, bytes, |payload| {
            // SAFETY: the payload has room for `len` elements, which is as many as there are
            // values, or there are none.
            unsafe { value::store_all(payload.as_ptr(), values) };
            Ok(())
        })?;
        Ok(SharedSlice { region, start: 0, len, elements: PhantomData })
    }

    fn attach(region: Region) -> Result<SharedSlice<T>, ShmError> {
        let len = region.check_elements(Self::LAYOUT)?;
        Ok(SharedSlice { region, start: 0, len, elements: PhantomData })
    }
}

#[cfg(feature = "transfer")]
impl<T: Shareable + Copy> serde::Serialize for SharedSlice<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (&self.region, self.start, self.start + self.len).serialize(serializer)
    }
}

#[cfg(feature = "transfer")]
impl<'de, T: Shareable + Copy> serde::Deserialize<'de> for SharedSlice<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (region, start, end) = <(Region, usize, usize)>::deserialize(deserializer)?;
        let all = SharedSlice::attach(region).map_err(serde::de::Error::custom)?;
        all.range(start..end).map_err(serde::de::Error::custom)
    }
}

impl<T> fmt::Debug for SharedSlice<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SharedSlice")
            .field("start", &self.start)
            .field("len", &self.len)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
