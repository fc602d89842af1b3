//! Memory for parts of a sparse region: set aside before it is touched, given back afterwards.

use std::ops::Range;
use std::os::fd::AsFd;

use crate::{Region, ShmError, memory, sys};

impl Region {
    /// Sets memory aside for a part of a [sparse](crate::RegionOptions::sparse) region, so that no
    /// later access to it fails. What is there already stays.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`]; [`ShmError::OutOfMemory`], with nothing changed for anybody.
    ///
    /// # Examples
    ///
    /// ```
    /// use ipc_shm::Region;
    ///
    /// let region = Region::options().sparse().anonymous(1 << 30)?;
    /// region.set_aside(0..1 << 16)?;
    /// region.write_at(9000, b"safe")?;
    /// region.give_back(0..1 << 30)?;
    /// let mut bytes = [1; 4];
    /// region.read_at(9000, &mut bytes)?;
    /// assert_eq!(bytes, [0; 4]);
    /// # Ok::<(), ipc_shm::ShmError>(())
    /// ```
    pub fn set_aside(&self, part: Range<usize>) -> Result<(), ShmError> {
        let range = self.in_file(&part)?;
        memory::check(part.len())?;
        let room = |error| ShmError::about_room(part.len(), error);
        sys::allocate_range(self.as_fd(), range).map_err(room)
    }

    /// Gives the memory of a part back to the system, for every process: it reads as zero then, and
    /// is allocated anew when it is written. Only whole pages inside the part go.
    ///
    /// # Errors
    ///
    /// [`ShmError::OutOfBounds`], or if the system refuses, as for a file system without holes.
    pub fn give_back(&self, part: Range<usize>) -> Result<(), ShmError> {
        let (range, page) = (self.in_file(&part)?, sys::page_size() as u64);
        let pages = range.start.next_multiple_of(page)..range.end / page * page;
        if !pages.is_empty() {
            sys::punch(self.as_fd(), pages)?;
        }
        Ok(())
    }

    /// Where a part of the payload lies in the file.
    fn in_file(&self, part: &Range<usize>) -> Result<Range<u64>, ShmError> {
        let (end, len) = (part.end.max(part.start), self.len());
        if end > len {
            return Err(ShmError::OutOfBounds { end, len });
        }
        let offset = self.payload_offset();
        Ok((offset + part.start) as u64..(offset + end) as u64)
    }
}
