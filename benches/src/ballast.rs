//! Memory that a parent has touched, to see whether starting a child costs more for it.
#![allow(unsafe_code, reason = "a mapping of our own, to keep huge pages out")]

use std::fs;
use std::ptr::{self, NonNull};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

use crate::contender::{Missing, Setting};

pub(crate) const GIB: usize = 1 << 30;

const PAGE: usize = 4096;

/// What a parent with much memory is: 4 GiB, or 1 GiB where a quick look is enough.
pub(crate) fn big(setting: Setting) -> usize {
    if setting.quick { GIB } else { 4 * GIB }
}

/// Touches `bytes` of memory in pages of 4 KiB and keeps them until the process ends.
pub(crate) fn load(bytes: usize) -> Result<(), Missing> {
    let free = available();
    if free < bytes + GIB {
        return Err(format!("needs {} GiB of free memory and 1 to spare", bytes / GIB));
    }
    let start = map(bytes).map_err(|e| format!("cannot map {bytes} bytes: {e}"))?;
    for offset in (0..bytes).step_by(PAGE) {
        // SAFETY: `offset` is below `bytes`, the length of the mapping.
        let page = unsafe { start.add(offset) };
        // SAFETY: the mapping is writable, nobody else knows it, and it is never unmapped.
        unsafe { page.write_volatile(1) };
    }
    Ok(())
}

fn map(bytes: usize) -> rustix::io::Result<NonNull<u8>> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a null hint without MAP_FIXED gives a fresh mapping and touches no other.
    let start = unsafe { mmap_anonymous(ptr::null_mut(), bytes, protection, MapFlags::PRIVATE) }?;
    // SAFETY: the range is the mapping just made, and the advice changes no contents.
    unsafe { madvise(start, bytes, Advice::LinuxNoHugepage) }?;
    Ok(NonNull::new(start.cast()).expect("the kernel does not map at zero"))
}

/// The bytes that can be touched before the machine starts to swap.
fn available() -> usize {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
