//! The mapping of a queue: its control block, and the bytes of the ring behind it.
//!
//! Every place is given in units and checked against the private copy of the shape, whatever the
//! shared memory says. Bytes are copied by relaxed atomics, or lent to one process at a time: a
//! reservation holds the producers' lock, and a borrowed item's room is not used again.
#![allow(unsafe_code, reason = "reaches the control block and the ring by address")]

use std::ops::Range;
use std::ptr::NonNull;

use ipc_shm::{Layout, Region, Shareable, ShmError};

use crate::control::Control;
use crate::platform::{AtomicU64, Ordering::Relaxed};
use crate::record::HEADER;
use crate::shape::{Shape, UNIT};

/// Where the ring begins: behind the control block, at a page of its own.
const RING: usize = size_of::<Control>().next_multiple_of(4096);

const LAYOUT: Layout =
    Layout::new("queues::Queue", size_of::<Control>(), align_of::<Control>()).with(Control::LAYOUT);

/// A mapped queue.
#[derive(Debug)]
pub(crate) struct Memory {
    region: Region,
    /// The first byte of the control block.
    base: NonNull<u8>,
    shape: Shape,
}

// SAFETY: the pointer leads into the region, which may be used by any thread, and what lies there
// is changed by atomics, or by the one that holds a lock.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Makes a queue; with fewer addresses than `shape` wants, if it has no bound and this process
    /// may not have so many.
    pub(crate) fn new(mut shape: Shape) -> Result<Memory, ShmError> {
        let region = loop {
            let options = Region::options().sparse().layout(LAYOUT);
            match (options.anonymous(RING + shape.bytes()), shape.halved()) {
                (Err(ShmError::OutOfMemory { .. } | ShmError::TooLarge), Some(less)) => {
                    shape = less
                }
                (region, _) => break region?,
            }
        };
        region.set_aside(0..RING + shape.first as usize * UNIT)?;
        // SAFETY: the region is as long as the control block and aligned for it, and has memory
        // there; nobody else knows of it yet.
        unsafe { region.as_ptr().cast::<Control>().write(Control::new(shape)) };
        Memory::over(region, shape)
    }

    /// Takes a region that another process has sent, if it is a queue.
    pub(crate) fn attach(region: Region) -> Result<Memory, ShmError> {
        region.check_layout(LAYOUT)?;
        let bytes = region.len().checked_sub(RING);
        // SAFETY: `check_layout` has seen that the region has a control block's size, alignment and
        // type; it is mapped while `region` lives.
        let control = unsafe { &*region.as_ptr().cast::<Control>() };
        let shape = bytes.and_then(|bytes| control.fixed.shape().checked(bytes));
        Memory::over(region, shape.ok_or(ShmError::Corrupt("no queue has such a shape"))?)
    }

    fn over(region: Region, shape: Shape) -> Result<Memory, ShmError> {
        let base = NonNull::new(region.as_ptr()).ok_or(ShmError::Empty)?;
        Ok(Memory { region, base, shape })
    }

    /// What is sent to other processes.
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    #[inline]
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    #[inline]
    pub(crate) fn control(&self) -> &Control {
        // SAFETY: the region begins with a control block (`new` wrote it, `attach` checked the
        // type), is mapped while `self` lives, and every part of it is atomic or behind a lock.
        unsafe { self.base.cast::<Control>().as_ref() }
    }

    /// The header at a unit of the ring.
    #[inline]
    pub(crate) fn header(&self, place: u32) -> u64 {
        self.word(place).load(Relaxed) // Ordered by the mark that leads here.
    }

    #[inline]
    pub(crate) fn set_header(&self, place: u32, word: u64) {
        self.word(place).store(word, Relaxed); // Ordered by the mark that leads here.
    }

    #[inline]
    fn word(&self, place: u32) -> &AtomicU64 {
        let at = self.bytes_at(place, 0);
        // SAFETY: `bytes_at` has checked the place; a unit is aligned to 16 bytes, and headers are
        // touched as atomic words only.
        unsafe { AtomicU64::from_ptr(at.cast()) }
    }

    /// Copies an item's bytes behind the header at `place`.
    #[inline]
    pub(crate) fn write(&self, place: u32, bytes: &[u8]) {
        let to = self.bytes_at(place, bytes.len());
        // SAFETY: `bytes_at` has checked that so many bytes follow the header; the holder of the
        // producers' lock writes where no item lies.
        unsafe { ipc_shm::copy_in(to.wrapping_add(HEADER), bytes.as_ptr(), bytes.len()) };
    }

    /// Copies an item's bytes to the end of `buffer`.
    #[inline]
    pub(crate) fn read(&self, place: u32, len: usize, buffer: &mut Vec<u8>) {
        let from = self.bytes_at(place, len).wrapping_add(HEADER);
        buffer.reserve(len);
        let begin = buffer.len();
        let to = buffer.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: `bytes_at` has checked that so many bytes follow the header, and the buffer has
        // room for them.
        unsafe { ipc_shm::copy_out(to, from, len) };
        // SAFETY: so many bytes have just been written behind those that were there.
        unsafe { buffer.set_len(begin + len) };
    }

    /// The bytes behind the header at `place`, for one who alone reads or writes there.
    ///
    /// A process that heeds no lock may write there nonetheless; every byte is a valid one.
    pub(crate) fn lend(&self, place: u32, len: usize) -> NonNull<[u8]> {
        let first = self.bytes_at(place, len).wrapping_add(HEADER);
        let slice = std::ptr::slice_from_raw_parts_mut(first, len);
        NonNull::new(slice).expect("a place within a mapping is not at address zero")
    }

    /// Has the processor fetch the line that will be read soon.
    #[inline]
    pub(crate) fn prepare_read(&self, place: u32) {
        let at = self.base.as_ptr().wrapping_add(RING + place as usize * UNIT);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch is a hint, harmless at any address.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(at.cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }

    /// The address of a unit that has at least a header and `len` bytes behind it.
    #[inline]
    fn bytes_at(&self, place: u32, len: usize) -> *mut u8 {
        let offset = place as usize * UNIT;
        assert!(offset + HEADER + len <= self.shape.bytes(), "the place was checked");
        self.base.as_ptr().wrapping_add(RING + offset)
    }

    /// Sets memory aside for units of the ring.
    pub(crate) fn set_aside(&self, units: Range<u32>) -> Result<(), ShmError> {
        self.region.set_aside(RING + units.start as usize * UNIT..RING + units.end as usize * UNIT)
    }

    /// Gives the memory of the ring back, from a unit on.
    pub(crate) fn give_back_from(&self, unit: u32) -> Result<(), ShmError> {
        self.region.give_back(RING + unit as usize * UNIT..RING + self.shape.bytes())
    }
}
