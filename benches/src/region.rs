//! `region` and `region-create`: a gibibyte that is there already is mapped, or a new one is made.
#![allow(unsafe_code, reason = "bare mappings")]

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::ptr;

use multiproc::Message;
use multiproc::shm::Region;
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::ballast::GIB;
use crate::clock;
use crate::contender::{Contender, Family, Missing, Round, Setting};

pub(crate) const FAMILY: Family = &[
    ("bare mmap", Contender::Here(bare_map)),
    ("bare open and mmap", Contender::Here(bare_open)),
    ("multiproc Region, opened", Contender::Here(opened)),
    ("multiproc Region, received", Contender::Here(received)),
];

pub(crate) const CREATE: Family = &[
    ("bare fallocate and mmap", Contender::Here(bare_create)),
    ("multiproc Region", Contender::Here(create)),
];

/// What is read at the end of the region, to see that it is mapped.
const MARK: u8 = 7;

fn len(setting: Setting) -> usize {
    if setting.quick { GIB / 16 } else { GIB }
}

fn marked(setting: Setting) -> Result<Region, Missing> {
    let region = Region::new(len(setting)).map_err(|e| e.to_string())?;
    region.write_at(region.len() - 1, &[MARK]).map_err(|e| e.to_string())?;
    Ok(region)
}

/// A region in a file of memory, which is there for as long as the contender runs.
struct OnFile {
    region: Region,
    path: PathBuf,
}

impl OnFile {
    fn new(setting: Setting) -> Result<Self, Missing> {
        let path = Path::new("/dev/shm").join(format!("benches-region.{}", std::process::id()));
        let region = Region::options().file(&path, len(setting)).map_err(|e| e.to_string())?;
        region.write_at(region.len() - 1, &[MARK]).map_err(|e| e.to_string())?;
        Ok(Self { region, path })
    }
}

impl Drop for OnFile {
    fn drop(&mut self) {
        // If it cannot be removed, somebody else has done so.
        let _ = fs::remove_file(&self.path);
    }
}

fn bare_map(setting: Setting) -> Result<Round, Missing> {
    let region = marked(setting)?;
    let end = end_of(&region)?;
    Ok(round(setting, move || last_of(region.as_fd(), end)))
}

fn bare_open(setting: Setting) -> Result<Round, Missing> {
    let there = OnFile::new(setting)?;
    let end = end_of(&there.region)?;
    Ok(round(setting, move || {
        let file = File::options().read(true).write(true).open(&there.path).expect("it is there");
        last_of(file.as_fd(), end)
    }))
}

/// By a path, as a process that does not descend from its maker attaches.
fn opened(setting: Setting) -> Result<Round, Missing> {
    let there = OnFile::new(setting)?;
    Ok(round(setting, move || last(&Region::open_file(&there.path).expect("it is there"))))
}

/// As a part of a message, as a child attaches. Making the message is part of it.
fn received(setting: Setting) -> Result<Round, Missing> {
    let region = marked(setting)?;
    Ok(round(setting, move || {
        let message = Message::encode(&region).expect("a region travels");
        last(&message.decode::<Region>().expect("what was sent is a region"))
    }))
}

fn last(region: &Region) -> u8 {
    let mut byte = [0];
    region.read_at(region.len() - 1, &mut byte).expect("a region is not empty");
    byte[0]
}

/// Where the payload ends in the file.
fn end_of(region: &Region) -> Result<usize, Missing> {
    let file = region.as_fd().try_clone_to_owned().map_err(|e| e.to_string())?;
    let len = File::from(file).metadata().map_err(|e| e.to_string())?.len() as usize;
    let page = rustix::param::page_size();
    // The header has a page or less of its own, and nothing follows the payload.
    assert!(len - region.len() <= page);
    Ok(len)
}

/// Maps the first `len` bytes of a file, reads the last of them, and unmaps them.
fn last_of(file: BorrowedFd<'_>, len: usize) -> u8 {
    let start = map(file, len);
    // SAFETY: the byte lies in the mapping just made.
    let byte = unsafe { start.wrapping_add(len - 1).read_volatile() };
    // SAFETY: the mapping is ours, and nothing refers to it.
    unsafe { munmap(start.cast(), len) }.expect("it is mapped");
    byte
}

fn map(file: BorrowedFd<'_>, len: usize) -> *mut u8 {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a null hint without MAP_FIXED gives a fresh mapping and touches no other.
    let start = unsafe { mmap(ptr::null_mut(), len, protection, MapFlags::SHARED, file, 0) };
    start.expect("the file can be mapped").cast()
}

fn round(setting: Setting, mut attach: impl FnMut() -> u8 + 'static) -> Round {
    let count = if setting.quick { 200 } else { 2_000 };
    Box::new(move || clock::micros_each(count, || assert_eq!(attach(), MARK)))
}

fn bare_create(setting: Setting) -> Result<Round, Missing> {
    let len = len(setting);
    Ok(Box::new(move || {
        clock::millis(|| {
            let file = memfd_create("bare", MemfdFlags::CLOEXEC).expect("there is memory");
            fallocate(&file, FallocateFlags::empty(), 0, len as u64).expect("there is memory");
            assert_eq!(last_of(file.as_fd(), len), 0);
        })
    }))
}

fn create(setting: Setting) -> Result<Round, Missing> {
    let len = len(setting);
    Ok(Box::new(move || {
        clock::millis(|| assert_eq!(last(&Region::new(len).expect("there is memory")), 0))
    }))
}
