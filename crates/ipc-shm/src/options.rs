//! How a region is made, for those who want it otherwise than by default.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::MemfdFlags;

use crate::header::{HEADER_LEN, Header};
use crate::payload::Payload;
use crate::place::{Place, Unfinished};
use crate::{Layout, Region, ShmError, copy, memory, sys};

/// Pages larger than the usual ones, which cost less to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HugePages {
    /// Asks the kernel to use them where it has some and its settings for shared memory allow it.
    Transparent,
    /// Takes them from those that the administrator has set aside (`vm.nr_hugepages`); without
    /// enough of them it is an error. For anonymous regions only.
    Reserved,
}

/// Settings for a new [`Region`]. By default its memory is allocated up front, in usual pages.
///
/// # Examples
///
/// ```
/// use ipc_shm::Region;
///
/// let region = Region::options().sparse().anonymous(1 << 30)?; // A gibibyte, not one page used.
/// region.write_at(1 << 29, b"here")?;
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RegionOptions {
    sparse: bool,
    prefault: bool,
    huge_pages: Option<HugePages>,
    layout: Layout,
    count: Option<usize>,
}

impl RegionOptions {
    pub(crate) fn new() -> RegionOptions {
        RegionOptions {
            sparse: false,
            prefault: false,
            huge_pages: None,
            layout: Layout::BYTES,
            count: None,
        }
    }

    /// Allocates no memory up front.
    ///
    /// If there is none when it is needed, the process that writes is killed: by SIGBUS in a full
    /// file system, or by the kernel in search of memory.
    #[must_use]
    pub fn sparse(mut self) -> RegionOptions {
        self.sparse = true;
        self
    }

    /// Maps all pages at once, so that no first access of this process has to wait for the kernel.
    #[must_use]
    pub fn prefault(mut self) -> RegionOptions {
        self.prefault = true;
        self
    }

    /// Uses larger pages.
    #[must_use]
    pub fn huge_pages(mut self, pages: HugePages) -> RegionOptions {
        self.huge_pages = Some(pages);
        self
    }

    /// Says what the payload holds: openers must expect the same, and the payload is aligned for
    /// it (to a page at most).
    ///
    /// The payload of such a region is reached through [`Region::as_ptr`] only, not by
    /// [`read_at`](Region::read_at) and [`write_at`](Region::write_at).
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> RegionOptions {
        self.layout = layout;
        self
    }

    /// Says how many elements the payload has, see [`Region::count`]. One per byte by default.
    #[must_use]
    pub fn count(mut self, count: usize) -> RegionOptions {
        self.count = Some(count);
        self
    }

    /// Makes a region of `len` bytes in memory, without a name.
    ///
    /// # Errors
    ///
    /// [`ShmError::Empty`], [`ShmError::TooLarge`], [`ShmError::OutOfMemory`], or what the system
    /// refused.
    pub fn anonymous(self, len: usize) -> Result<Region, ShmError> {
        self.create(self.in_memory(), len, |_| Ok(()))
    }

    /// Makes a region of `len` bytes in memory, under a name that is free.
    ///
    /// The name goes with the last user; see [`sweep`](crate::sweep) for users that are killed.
    ///
    /// # Errors
    ///
    /// As for [`anonymous`](RegionOptions::anonymous); besides, [`ShmError::InvalidName`] and
    /// [`ShmError::AlreadyExists`].
    pub fn named(self, name: &str, len: usize) -> Result<Region, ShmError> {
        self.create(Place::Named(name), len, |_| Ok(()))
    }

    /// Makes a region of `len` bytes in a new file, which stays until somebody removes it.
    ///
    /// On a file system that cannot set blocks aside, a full one is noticed by the process that
    /// writes, which is killed by SIGBUS.
    ///
    /// # Errors
    ///
    /// As for [`anonymous`](RegionOptions::anonymous); besides, [`ShmError::AlreadyExists`],
    /// [`ShmError::NotFound`] and [`ShmError::PermissionDenied`] about the path.
    pub fn file(self, path: impl AsRef<Path>, len: usize) -> Result<Region, ShmError> {
        self.create(Place::File(path.as_ref()), len, |_| Ok(()))
    }

    pub(crate) fn in_memory(&self) -> Place<'static> {
        let none = MemfdFlags::empty();
        Place::Anonymous(if self.has_reserved_pages() { MemfdFlags::HUGETLB } else { none })
    }

    /// Makes a region whose payload `fill` completes before anybody else can see it.
    pub(crate) fn create(
        &self,
        place: Place<'_>,
        len: usize,
        fill: impl FnOnce(Payload<'_>) -> Result<(), ShmError>,
    ) -> Result<Region, ShmError> {
        if len == 0 {
            return Err(ShmError::Empty);
        }
        let count = self.count.unwrap_or(len);
        if self.layout.align() > sys::page_size() {
            return Err(ShmError::TooLarge);
        }
        let header = Header::new(place.kind(), self.layout, len, count, sys::page_size())
            .ok_or(ShmError::TooLarge)?;
        if self.has_reserved_pages() && !matches!(place, Place::Anonymous(_)) {
            let why = "huge pages can be reserved for anonymous regions only";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why).into());
        }
        let (unfinished, total) = (place.begin()?, self.file_len(&header));
        self.reserve(&unfinished, place, total)?;
        let mapping = self.map(&unfinished, total)?;
        write_header(&mapping, &header);
        fill(Payload::new(&mapping, &header))?;
        let claim = place.publish(&unfinished)?;
        Ok(Region::new_mapped(mapping, header, unfinished.into_file(), claim))
    }

    /// Gives the file its length, and all its memory unless that was not wanted.
    fn reserve(
        &self,
        unfinished: &Unfinished,
        place: Place<'_>,
        total: usize,
    ) -> Result<(), ShmError> {
        let (file, room) = (unfinished.file.as_fd(), |error| ShmError::about_room(total, error));
        if self.sparse {
            return sys::set_len(file, total as u64).map_err(room);
        }
        let takes_usual_memory = !self.has_reserved_pages() && !matches!(place, Place::File(_));
        if takes_usual_memory {
            memory::check(total)?;
        }
        sys::allocate(file, total as u64).map_err(room)
    }

    fn map(&self, unfinished: &Unfinished, total: usize) -> Result<MmapRaw, ShmError> {
        let mut options = MmapOptions::new();
        options.len(total);
        if self.prefault {
            options.populate();
        }
        let mapping = options.map_raw(&unfinished.file);
        let mapping = mapping.map_err(|error| ShmError::about_room(total, error))?;
        if self.huge_pages == Some(HugePages::Transparent) {
            // A wish only: kernels without them say no.
            let _ = mapping.advise(Advice::HugePage);
        }
        Ok(mapping)
    }

    fn has_reserved_pages(&self) -> bool {
        self.huge_pages == Some(HugePages::Reserved)
    }

    /// How long the file of a region is; one of huge pages ends where one of them does.
    fn file_len(&self, header: &Header) -> usize {
        match self.has_reserved_pages() {
            true => header.total_len().next_multiple_of(memory::huge_page_size()),
            false => header.total_len(),
        }
    }
}

fn write_header(mapping: &MmapRaw, header: &Header) {
    debug_assert!(mapping.len() >= HEADER_LEN);
    copy::put(mapping, 0, &header.encode());
}
