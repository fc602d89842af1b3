//! A list of mixed values of bounded length, in shared memory: Python's `ShareableList`.
//!
//! An item is written under a range lock over its slot, so that readers never see one half
//! written, and in this order: a tag that says *being written*, the bytes, the head. If the
//! writer is killed in between, the kernel frees the lock, and whoever reads the item is told so
//! until somebody sets it again. No other item is touched.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use crate::item::{HEAD_LEN, Head, WRITING};
use crate::payload::Payload;
use crate::place::Place;
use crate::slots::{self, Slot};
use crate::sys::Lock;
use crate::turn::Patience;
use crate::{Item, Layout, Region, RegionOptions, ShmError};

/// A list of numbers, truth values, texts and bytes that several processes read and change.
///
/// The number of items is fixed, and each slot takes as many bytes as its first value needed,
/// rounded up to eight. An item may change its type if the new value fits. Text comes back as it
/// was, with every NUL and no character cut.
///
/// Each access is whole: none sees an item half written. It opens and travels like
/// [`Shared`](crate::Shared).
///
/// # When a process dies
///
/// An item that it was just writing is [`ShmError::Corrupt`] until it is set again; all others are
/// as they were. Nobody waits for the dead.
///
/// # Examples
///
/// ```
/// use ipc_shm::{Item, ShareableList, ShmError};
///
/// let list = ShareableList::new([Item::from("grün"), 7.into(), 1.5.into(), Item::None])?;
/// list.set(1, "seven")?; // Another type, which fits into eight bytes.
/// assert_eq!(list.get(1)?, Item::from("seven"));
/// assert!(matches!(list.set(0, "longer than it was"), Err(ShmError::DoesNotFit { slot: 8, .. })));
/// assert_eq!(list.index(&Item::from(1.5))?, Some(2));
/// # Ok::<(), ShmError>(())
/// ```
#[derive(Clone)]
pub struct ShareableList {
    region: Region,
    slots: Arc<[Slot]>,
}

crate::attach::attachable!(ShareableList, "list");
crate::attach::transferable!(ShareableList);

impl ShareableList {
    const LAYOUT: Layout = Layout::new("ipc_shm::ShareableList", 8, 8);

    /// Makes a list in memory without a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::TooLarge`], [`ShmError::OutOfMemory`], or what the system refused.
    pub fn new<T: Into<Item>>(items: impl IntoIterator<Item = T>) -> Result<Self, ShmError> {
        Self::with_room(0, items)
    }

    /// Makes a list in memory without a name, of which every slot takes `room` bytes at least.
    ///
    /// # Errors
    ///
    /// As for [`new`](ShareableList::new).
    pub fn with_room<T: Into<Item>>(
        room: usize,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Self, ShmError> {
        let items: Vec<Item> = items.into_iter().map(Into::into).collect();
        Self::place(RegionOptions::new().in_memory(), room, &items)
    }

    /// Makes a list in memory under a name that is free.
    ///
    /// # Errors
    ///
    /// As for [`new`](ShareableList::new); besides, [`ShmError::InvalidName`] and
    /// [`ShmError::AlreadyExists`].
    pub fn create<T: Into<Item>>(
        name: &str,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Self, ShmError> {
        let items: Vec<Item> = items.into_iter().map(Into::into).collect();
        Self::place(Place::Named(name), 0, &items)
    }

    /// Makes a list in a new file.
    ///
    /// # Errors
    ///
    /// As for [`new`](ShareableList::new); besides, [`ShmError::AlreadyExists`],
    /// [`ShmError::NotFound`] and [`ShmError::PermissionDenied`] about the path.
    pub fn create_file<T: Into<Item>>(
        path: impl AsRef<Path>,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Self, ShmError> {
        let items: Vec<Item> = items.into_iter().map(Into::into).collect();
        Self::place(Place::File(path.as_ref()), 0, &items)
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many bytes the slot at `index` takes.
    #[must_use]
    pub fn room(&self, index: usize) -> Option<usize> {
        self.slots.get(index).map(|slot| slot.room)
    }

    /// The item at `index`.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; [`ShmError::Corrupt`] if another process has written something
    /// else there, or was killed while it wrote.
    pub fn get(&self, index: usize) -> Result<Item, ShmError> {
        let slot = self.slot(index)?;
        let (head, bytes) = self.locked(slot, Lock::Shared, || self.read(slot))??;
        head.item(bytes)
    }

    /// Replaces the item at `index`.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; [`ShmError::DoesNotFit`] if the slot takes fewer bytes, and then
    /// the item stays as it was.
    pub fn set(&self, index: usize, item: impl Into<Item>) -> Result<(), ShmError> {
        let (slot, item) = (self.slot(index)?, item.into());
        if item.len() > slot.room {
            return Err(ShmError::DoesNotFit { slot: slot.room, needed: item.len() });
        }
        self.locked(slot, Lock::Exclusive, || write(self.region.payload(), slot, &item))?
    }

    /// The items, each as it is when its turn comes.
    pub fn iter(&self) -> impl Iterator<Item = Result<Item, ShmError>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Private copies of all items.
    ///
    /// # Errors
    ///
    /// [`ShmError::Corrupt`] as for [`get`](ShareableList::get).
    pub fn to_vec(&self) -> Result<Vec<Item>, ShmError> {
        self.iter().collect()
    }

    /// How many items equal this one.
    ///
    /// # Errors
    ///
    /// [`ShmError::Corrupt`] as for [`get`](ShareableList::get).
    pub fn count(&self, item: &Item) -> Result<usize, ShmError> {
        self.iter().try_fold(0, |count, found| Ok(count + usize::from(found? == *item)))
    }

    /// The index of the first item that equals this one.
    ///
    /// # Errors
    ///
    /// [`ShmError::Corrupt`] as for [`get`](ShareableList::get).
    pub fn index(&self, item: &Item) -> Result<Option<usize>, ShmError> {
        for (index, found) in self.iter().enumerate() {
            if found? == *item {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn slot(&self, index: usize) -> Result<Slot, ShmError> {
        let (end, len) = (index.saturating_add(1), self.len());
        self.slots.get(index).copied().ok_or(ShmError::OutOfBounds { end, len })
    }

    fn locked<R>(&self, slot: Slot, lock: Lock, access: impl FnOnce() -> R) -> Result<R, ShmError> {
        let start = (self.region.payload_offset() + slot.offset) as u64;
        let end = start + (HEAD_LEN + slot.room) as u64;
        self.region.take_turn(start..end, lock, Patience::Some, access)
    }

    /// The head, and as many bytes as it says.
    fn read(&self, slot: Slot) -> Result<(Head, Vec<u8>), ShmError> {
        let mut head = [0; HEAD_LEN];
        self.region.payload().take(slot.offset, &mut head)?;
        let head = Head::decode(head, slot.room)?;
        let mut bytes = vec![0; head.len];
        self.region.payload().take(slot.offset + HEAD_LEN, &mut bytes)?;
        Ok((head, bytes))
    }

    fn place(place: Place<'_>, room: usize, items: &[Item]) -> Result<Self, ShmError> {
        let lengths: Vec<usize> = items.iter().map(|item| item.len().max(room)).collect();
        let (slots, payload) = slots::plan(&lengths).ok_or(ShmError::TooLarge)?;
        let options = RegionOptions::new().layout(Self::LAYOUT).count(items.len());
        let region = options.create(place, payload, |payload| {
            payload.put(0, &slots::encode(&slots))?;
            slots.iter().zip(items).try_for_each(|(slot, item)| write(payload, *slot, item))
        })?;
        Ok(ShareableList { region, slots: slots.into() })
    }

    fn attach(region: Region) -> Result<Self, ShmError> {
        region.check_layout(Self::LAYOUT)?;
        let table = slots::table_len(region.count()).filter(|len| *len <= region.len());
        let table = table.ok_or(ShmError::Corrupt("a list has more items than bytes"))?;
        let mut bytes = vec![0; table];
        region.payload().take(0, &mut bytes)?;
        let slots = slots::decode(&bytes, region.count(), region.len())?;
        Ok(ShareableList { region, slots: slots.into() })
    }
}

/// In the order that lets a reader see whether the writer came to its end.
fn write(payload: Payload<'_>, slot: Slot, item: &Item) -> Result<(), ShmError> {
    payload.put(slot.offset, &Head::encode(WRITING, 0))?;
    // A process that is killed has done its writes up to some point, in this order.
    fence(Ordering::SeqCst);
    payload.put(slot.offset + HEAD_LEN, &item.encode())?;
    // The length first, which the tag makes valid.
    let head = Head::encode(item.tag(), item.len());
    payload.put(slot.offset + 8, &head[8..])?;
    fence(Ordering::SeqCst);
    payload.put(slot.offset, &head[..8])
}

impl fmt::Debug for ShareableList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}
