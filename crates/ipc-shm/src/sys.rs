//! Every system call of this crate, so that a second platform is one file.
//!
//! What it must provide: memory files without a name, with lengths that can be fixed for ever;
//! files that get their name when they are complete; locks on ranges that belong to an open file,
//! so that the kernel frees them with their holder; and a second description of an open file.
#![allow(unsafe_code, reason = "rustix has no locks that belong to an open file")]

use std::ffi::c_int;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::Errno;

/// Only the user who made it may use what has a name.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The most that is allocated in one call, which a signal may interrupt and so undo.
const STEP: u64 = 64 << 20;

/// What a name refers to, whatever it is called later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

/// How a range is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    Shared,
    Exclusive,
}

/// An anonymous memory file that nobody can execute, closed on exec.
pub(crate) fn memory_file(flags: MemfdFlags) -> io::Result<OwnedFd> {
    let flags = flags | MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match rustix::fs::memfd_create("multiproc-shm", flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know the flag.
        Err(Errno::INVAL) => Ok(rustix::fs::memfd_create("multiproc-shm", flags)?),
        result => Ok(result?),
    }
}

/// A file in `folder` that has no name yet.
pub(crate) fn nameless_file(folder: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(retry(|| rustix::fs::open(folder, flags, PRIVATE))?)
}

/// A new file at `path`, which must be free.
pub(crate) fn new_file(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(retry(|| rustix::fs::open(path, flags, PRIVATE))?)
}

/// Opens the file at `path` to read and write. What is no regular file keeps nobody waiting.
pub(crate) fn open_file(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
    Ok(retry(|| rustix::fs::open(path, flags, Mode::empty()))?)
}

/// The same where anybody can put a link.
pub(crate) fn open_name(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    Ok(retry(|| rustix::fs::open(path, flags, Mode::empty()))?)
}

/// A description of the same file that shares neither position nor locks with `file`.
pub(crate) fn reopen(file: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    Ok(retry(|| rustix::fs::open(path.as_str(), flags, Mode::empty()))?)
}

/// Gives a file that has no name the name `path`, which must be free.
pub(crate) fn link(file: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let source = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, source.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Gives the file at `from` a second name.
pub(crate) fn link_path(from: &Path, to: &Path) -> io::Result<()> {
    Ok(rustix::fs::linkat(CWD, from, CWD, to, AtFlags::empty())?)
}

/// Removes a name.
pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::unlink(path)?)
}

/// Which file this is.
pub(crate) fn id_of(file: BorrowedFd<'_>) -> io::Result<FileId> {
    let stat = rustix::fs::fstat(file)?;
    Ok(FileId { device: stat.st_dev, inode: stat.st_ino })
}

/// Which file a name refers to.
pub(crate) fn id_at(path: &Path) -> io::Result<FileId> {
    let stat = rustix::fs::lstat(path)?;
    Ok(FileId { device: stat.st_dev, inode: stat.st_ino })
}

/// Whether `file` is a regular file of the user that this process acts for.
pub(crate) fn is_own_file(file: BorrowedFd<'_>) -> io::Result<bool> {
    let stat = rustix::fs::fstat(file)?;
    let regular = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
    Ok(regular && stat.st_uid == rustix::process::geteuid().as_raw())
}

/// Its length in bytes.
pub(crate) fn len_of(file: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0))
}

/// Makes a file this long without setting memory aside.
pub(crate) fn set_len(file: BorrowedFd<'_>, len: u64) -> io::Result<()> {
    Ok(retry(|| rustix::fs::ftruncate(file, len))?)
}

/// Makes a file this long and sets its memory or blocks aside, so that no later write can fail.
pub(crate) fn allocate(file: BorrowedFd<'_>, len: u64) -> io::Result<()> {
    match allocate_range(file, 0..len) {
        // A file system that cannot set blocks aside gives them when they are written.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => set_len(file, len),
        result => result,
    }
}

/// Sets the memory or blocks of a part of a file aside.
pub(crate) fn allocate_range(file: BorrowedFd<'_>, mut range: Range<u64>) -> io::Result<()> {
    while range.start < range.end {
        let step = STEP.min(range.end - range.start);
        match rustix::fs::fallocate(file, FallocateFlags::empty(), range.start, step) {
            Err(Errno::INTR) => continue,
            result => result?,
        }
        range.start += step;
    }
    Ok(())
}

/// Frees the memory or blocks of whole pages of a file, which read as zero from then on.
pub(crate) fn punch(file: BorrowedFd<'_>, range: Range<u64>) -> io::Result<()> {
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let len = range.end - range.start;
    Ok(retry(|| rustix::fs::fallocate(file, hole, range.start, len))?)
}

/// The seals under which a length can never change.
fn fixed_length() -> SealFlags {
    SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL
}

/// Fixes the length of a memory file for ever.
pub(crate) fn seal(file: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::fs::fcntl_add_seals(file, fixed_length())?)
}

/// Whether the length of `file` can never change.
#[cfg(feature = "transfer")]
pub(crate) fn is_sealed(file: BorrowedFd<'_>) -> io::Result<bool> {
    match rustix::fs::fcntl_get_seals(file) {
        Ok(seals) => Ok(seals.contains(SealFlags::SHRINK | SealFlags::GROW)),
        Err(Errno::INVAL) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Reads the beginning of a file; false if it is shorter than `buffer`.
pub(crate) fn read_start(file: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<bool> {
    let mut done = 0;
    while done < buffer.len() {
        let got = retry(|| rustix::io::pread(file, &mut buffer[done..], done as u64))?;
        if got == 0 {
            return Ok(false);
        }
        done += got;
    }
    Ok(true)
}

/// Locks a range for this description of the file; false if another one holds a part of it.
///
/// The lock goes with the last descriptor of the description, however its holder ends.
pub(crate) fn try_lock(file: BorrowedFd<'_>, range: Range<u64>, lock: Lock) -> io::Result<bool> {
    match lock_call(file, libc::F_OFD_SETLK, kind_of(lock), range) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        // POSIX allows this one for a conflict as well.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(false),
        result => result.map(|()| true),
    }
}

/// Locks a range for this description of the file, as soon as it is free.
pub(crate) fn wait_lock(file: BorrowedFd<'_>, range: Range<u64>, lock: Lock) -> io::Result<()> {
    loop {
        match lock_call(file, libc::F_OFD_SETLKW, kind_of(lock), range.clone()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Frees what this description of the file holds of a range.
pub(crate) fn unlock(file: BorrowedFd<'_>, range: Range<u64>) -> io::Result<()> {
    lock_call(file, libc::F_OFD_SETLK, libc::F_UNLCK, range)
}

fn kind_of(lock: Lock) -> c_int {
    match lock {
        Lock::Shared => libc::F_RDLCK,
        Lock::Exclusive => libc::F_WRLCK,
    }
}

fn lock_call(
    file: BorrowedFd<'_>,
    command: c_int,
    kind: c_int,
    range: Range<u64>,
) -> io::Result<()> {
    let offset =
        |value: u64| libc::off_t::try_from(value).map_err(|_| io::Error::from(Errno::OVERFLOW));
    let request = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: offset(range.start)?,
        l_len: offset(range.end - range.start)?,
        l_pid: 0,
    };
    // SAFETY: `file` is borrowed, so it is open, and the call reads `request`, which lives.
    match unsafe { libc::fcntl(file.as_raw_fd(), command, &raw const request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The size of a page in bytes.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

/// This process.
pub(crate) fn own_pid() -> u32 {
    std::process::id()
}

/// Repeats a call that a signal handler interrupted.
fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// The names in a folder, as far as they are text.
pub(crate) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let names =
        std::fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.collect())
}
