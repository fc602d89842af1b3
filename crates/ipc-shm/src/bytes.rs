//! A byte string of bounded length without a lock: Python's array of characters.

use std::fmt;
use std::path::Path;

use crate::place::Place;
use crate::{Layout, Region, RegionOptions, ShmError};

/// Length of the length in front of the bytes.
const HEAD_LEN: usize = 8;

/// A byte string that several processes get and set, of a length up to a fixed capacity.
///
/// There is no lock: who reads while another writes may see parts of both values. The length is
/// kept, so that bytes of zero at the end belong to the value. It opens and travels like
/// [`Shared`](crate::Shared).
///
/// # When a process dies
///
/// A value that it was writing is there in part.
///
/// # Examples
///
/// ```
/// use ipc_shm::{SharedBytes, ShmError};
///
/// let text = SharedBytes::with_capacity(10)?;
/// text.set(b"hello\0")?;
/// assert_eq!(text.get()?, b"hello\0");
/// assert!(matches!(text.set(&[0; 11]), Err(ShmError::DoesNotFit { slot: 10, needed: 11 })));
/// # Ok::<(), ShmError>(())
/// ```
#[derive(Clone)]
pub struct SharedBytes {
    region: Region,
}

crate::attach::attachable!(SharedBytes, "byte string");
crate::attach::transferable!(SharedBytes);

impl SharedBytes {
    const LAYOUT: Layout = Layout::new("ipc_shm::SharedBytes", HEAD_LEN, 8);

    /// Makes an empty byte string that can grow to `capacity`, in memory without a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::Empty`] for no capacity, [`ShmError::TooLarge`], [`ShmError::OutOfMemory`], or
    /// what the system refused.
    pub fn with_capacity(capacity: usize) -> Result<SharedBytes, ShmError> {
        SharedBytes::place(RegionOptions::new().in_memory(), capacity)
    }

    /// Makes an empty byte string in memory under a name that is free.
    ///
    /// # Errors
    ///
    /// As for [`with_capacity`](SharedBytes::with_capacity); besides, [`ShmError::InvalidName`] and
    /// [`ShmError::AlreadyExists`].
    pub fn create(name: &str, capacity: usize) -> Result<SharedBytes, ShmError> {
        SharedBytes::place(Place::Named(name), capacity)
    }

    /// Makes an empty byte string in a new file.
    ///
    /// # Errors
    ///
    /// As for [`with_capacity`](SharedBytes::with_capacity); besides, [`ShmError::AlreadyExists`],
    /// [`ShmError::NotFound`] and [`ShmError::PermissionDenied`] about the path.
    pub fn create_file(path: impl AsRef<Path>, capacity: usize) -> Result<SharedBytes, ShmError> {
        SharedBytes::place(Place::File(path.as_ref()), capacity)
    }

    /// The longest value.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.region.count()
    }

    /// The value as it is now.
    ///
    /// # Errors
    ///
    /// [`ShmError::Corrupt`] if another process has written a length beyond the capacity.
    pub fn get(&self) -> Result<Vec<u8>, ShmError> {
        let mut head = [0; HEAD_LEN];
        self.region.payload().take(0, &mut head)?;
        let len = usize::try_from(u64::from_ne_bytes(head)).unwrap_or(usize::MAX);
        if len > self.capacity() {
            return Err(ShmError::Corrupt("a byte string is longer than its capacity"));
        }
        let mut bytes = vec![0; len];
        self.region.payload().take(HEAD_LEN, &mut bytes)?;
        Ok(bytes)
    }

    /// Replaces the value.
    ///
    /// # Errors
    ///
    /// [`ShmError::DoesNotFit`] if it is longer than the capacity; then the old value stays.
    pub fn set(&self, bytes: &[u8]) -> Result<(), ShmError> {
        if bytes.len() > self.capacity() {
            return Err(ShmError::DoesNotFit { slot: self.capacity(), needed: bytes.len() });
        }
        self.region.payload().put(HEAD_LEN, bytes)?;
        self.region.payload().put(0, &(bytes.len() as u64).to_ne_bytes())
    }

    /// All bytes up to the capacity, also those behind the value.
    #[must_use]
    pub fn raw(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.capacity()];
        let taken = self.region.payload().take(HEAD_LEN, &mut bytes);
        debug_assert!(taken.is_ok(), "the capacity was checked when the handle was made");
        bytes
    }

    fn place(place: Place<'_>, capacity: usize) -> Result<SharedBytes, ShmError> {
        if capacity == 0 {
            return Err(ShmError::Empty);
        }
        let len = capacity.checked_add(HEAD_LEN).ok_or(ShmError::TooLarge)?;
        let options = RegionOptions::new().layout(Self::LAYOUT).count(capacity);
        Ok(SharedBytes { region: options.create(place, len, |_| Ok(()))? })
    }

    fn attach(region: Region) -> Result<SharedBytes, ShmError> {
        region.check_layout(Self::LAYOUT)?;
        if region.count().checked_add(HEAD_LEN) != Some(region.len()) {
            return Err(ShmError::Corrupt("the capacity and the length disagree"));
        }
        Ok(SharedBytes { region })
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SharedBytes").field(&self.get()).finish()
    }
}
