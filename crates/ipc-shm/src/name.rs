//! Names for regions, which go with their last user.
//!
//! A name is a file in `/dev/shm` under a fixed prefix, mode 0600. Its first two bytes (which
//! belong to the magic number; a lock does not change them) are what the parties lock, each with a
//! description of its own, so that the kernel frees the lock with its holder:
//!
//! - byte 0, shared: *I use this*. Every user holds it.
//! - byte 0, exclusive: *nobody uses this*. Never held for longer than it takes to remove the name.
//! - byte 1, exclusive: *I remove the name now*. So nobody else does, and the name that has been
//!   compared with the file still refers to it when it is unlinked.
//!
//! What is true if a process is killed at each step:
//!
//! | creating | killed after it |
//! |---|---|
//! | 1. a file without a name | the kernel frees it |
//! | 2. length, header, values | the same |
//! | 3. lock byte 0 shared | the same |
//! | 4. link it to the name (fails if taken) | complete, without a user; swept later |
//!
//! | opening | killed after it |
//! |---|---|
//! | 1. open by name | nothing has happened |
//! | 2. lock byte 0 shared; a conflict means that it goes: not found | the lock is freed |
//! | 3. look if the name still refers to this file, else start again | the same |
//!
//! | dropping, and (from step 2) sweeping for each name | killed after it |
//! |---|---|
//! | 1. free byte 0 | the name is swept later, or goes with another user |
//! | 2. lock byte 1 exclusively, after whoever has it | the lock is freed; as before |
//! | 3. lock byte 0 exclusively; a conflict means that it is in use: done | the same |
//! | 4. look if the name still refers to this file | the same |
//! | 5. remove the name | done; the memory goes with the last mapping |
//!
//! Step 1 comes first so that of two who drop at once, the later one finds nobody in its way, and
//! step 2 waits so that a name is gone when the drop of its last user, or a sweep, returns. The
//! wait is for a few system calls of another process; if that is stopped in between, it ends.
//!
//! | `unlink`, by a user | killed after it |
//! |---|---|
//! | 1. lock byte 1 exclusively | the lock is freed, the name stays with its users |
//! | 2. look if the name still refers to this file, else not found | the same |
//! | 3. remove the name | done; other users keep what they have mapped |
//!
//! A process that is killed as the last user thus leaves a name, and [`sweep`] finds it: whenever a
//! named region is created or opened, or when called. It asks the kernel, not a list of pids.
//!
//! Locks are freed by a call, not left to the end of the description: while another thread starts a
//! process, a copy of every descriptor lives on in the child for a moment.
//!
//! A forked child holds its parent's descriptions. It leaves their names alone when it drops its
//! copies, and the parent may remove a name that the child has mapped.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::ShmError;
use crate::header::{HEADER_LEN, Header};
use crate::sys::{self, FileId, Lock};

const FOLDER: &str = "/dev/shm";
const PREFIX: &str = "multiproc-shm.";
/// What is left of the 255 bytes of a file name, rounded down.
const LONGEST: usize = 200;

const USE: std::ops::Range<u64> = 0..1;
const REMOVAL: std::ops::Range<u64> = 1..2;
const BOTH: std::ops::Range<u64> = 0..2;

/// How often to try again for a lock that is held for a moment only, and how to pass the time.
const YIELDS: u32 = 100;
const NAPS: u32 = 200;
const NAP: Duration = Duration::from_millis(1);

/// A user's hold on a name; when the last one goes, so does the name.
#[derive(Debug)]
pub(crate) struct Claim {
    name: String,
    path: PathBuf,
    id: FileId,
    /// A description of its own, which is never sent and holds the lock.
    lock: OwnedFd,
    /// Who has opened `lock`. A forked child shares it.
    pid: u32,
}

/// Removes the names of regions that nobody uses any more, because their users were killed.
///
/// Creating and opening named regions does so first. It concerns regions of this user only, and may
/// run in any number of processes at once and be killed at any point.
///
/// # Errors
///
/// When `/dev/shm` cannot be read.
///
/// # Examples
///
/// ```
/// use ipc_shm::Shared;
///
/// let name = format!("sweep-example-{}", std::process::id());
/// let number = Shared::create(&name, 7_u64)?;
/// ipc_shm::sweep()?; // Does not touch what is in use.
/// assert_eq!(*Shared::<u64>::open(&name)?, 7);
/// # Ok::<(), ipc_shm::ShmError>(())
/// ```
pub fn sweep() -> Result<(), ShmError> {
    for name in sys::names_in(Path::new(FOLDER))? {
        if name.starts_with(PREFIX) {
            // A name that cannot be opened or has gone meanwhile is somebody else's business.
            let _ = sweep_one(&Path::new(FOLDER).join(name));
        }
    }
    Ok(())
}

fn sweep_one(path: &Path) -> io::Result<()> {
    let file = sys::open_name(path)?;
    if sys::is_own_file(file.as_fd())? && is_region(file.as_fd())? {
        remove_unused(file.as_fd(), sys::id_of(file.as_fd())?, path)?;
    }
    Ok(())
}

fn is_region(file: BorrowedFd<'_>) -> io::Result<bool> {
    let mut bytes = [0; HEADER_LEN];
    let complete = sys::read_start(file, &mut bytes)?;
    Ok(complete && !matches!(Header::decode(&bytes, u64::MAX), Err(ShmError::NotARegion)))
}

/// Removes the name if no other description has a lock that says the file is in use.
fn remove_unused(file: BorrowedFd<'_>, id: FileId, path: &Path) -> io::Result<()> {
    if !lock_removal(file)? {
        return Ok(());
    }
    let removed = match sys::try_lock(file, USE, Lock::Exclusive)? {
        true if sys::id_at(path).is_ok_and(|found| found == id) => sys::unlink(path),
        _ => Ok(()),
    };
    sys::unlock(file, BOTH)?;
    removed
}

/// Locks byte 1 when whoever has it is done; false if that takes longer than it should.
fn lock_removal(file: BorrowedFd<'_>) -> io::Result<bool> {
    for attempt in 0..YIELDS + NAPS {
        if sys::try_lock(file, REMOVAL, Lock::Exclusive)? {
            return Ok(true);
        }
        match attempt < YIELDS {
            true => thread::yield_now(),
            false => thread::sleep(NAP),
        }
    }
    Ok(false)
}

/// A file for a new region, which gets its name later.
pub(crate) fn begin(name: &str) -> Result<OwnedFd, ShmError> {
    path_of(name)?;
    sweep()?;
    Ok(sys::nameless_file(Path::new(FOLDER))?)
}

/// Opens what is under a name, and claims it.
pub(crate) fn open(name: &str) -> Result<(OwnedFd, Claim), ShmError> {
    let path = path_of(name)?;
    sweep()?;
    loop {
        let file = sys::open_name(&path).map_err(|error| ShmError::about(name, error))?;
        // What is not ours is not claimed, or it would go with the claim.
        if !is_region(file.as_fd())? {
            return Err(ShmError::NotARegion);
        }
        if let Some(claim) = Claim::take(name, file.as_fd())? {
            return Ok((file, claim));
        }
        let id = sys::id_of(file.as_fd())?;
        let has_passed_to_another = sys::id_at(&path).is_ok_and(|now| now != id);
        if !has_passed_to_another {
            return Err(ShmError::NotFound(name.to_owned()));
        }
    }
}

fn path_of(name: &str) -> Result<PathBuf, ShmError> {
    let fits = (1..=LONGEST).contains(&name.len());
    if !fits || name.contains(['/', '\0']) {
        return Err(ShmError::InvalidName(name.to_owned()));
    }
    Ok(Path::new(FOLDER).join(format!("{PREFIX}{name}")))
}

impl Claim {
    /// Claims a file that has no name yet and gives it one.
    pub(crate) fn publish(name: &str, file: BorrowedFd<'_>) -> Result<Claim, ShmError> {
        let claim = Claim::new(name, file)?;
        sys::try_lock(claim.lock.as_fd(), USE, Lock::Shared)?;
        sys::link(file, &claim.path).map_err(|error| ShmError::about(name, error))?;
        Ok(claim)
    }

    /// Claims a file that is in use under a name; `None` if the name does not lead to it any more.
    pub(crate) fn take(name: &str, file: BorrowedFd<'_>) -> Result<Option<Claim>, ShmError> {
        let claim = Claim::new(name, file)?;
        let locked = sys::try_lock(claim.lock.as_fd(), USE, Lock::Shared)?;
        Ok((locked && claim.is_current()).then_some(claim))
    }

    fn new(name: &str, file: BorrowedFd<'_>) -> Result<Claim, ShmError> {
        let (path, id) = (path_of(name)?, sys::id_of(file)?);
        let (lock, pid) = (sys::reopen(file)?, sys::own_pid());
        Ok(Claim { name: name.to_owned(), path, id, lock, pid })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the name still leads to this file.
    fn is_current(&self) -> bool {
        sys::id_at(&self.path).is_ok_and(|id| id == self.id)
    }

    /// Removes the name at once.
    pub(crate) fn unlink(&self) -> Result<(), ShmError> {
        // Closing this description frees its lock; that of the claim itself stays.
        let lock = sys::reopen(self.lock.as_fd())?;
        if !lock_removal(lock.as_fd())? {
            let why = "another process was stopped while it removed the name";
            return Err(io::Error::new(io::ErrorKind::TimedOut, why).into());
        }
        let removed = match self.is_current() {
            true => sys::unlink(&self.path).map_err(|error| ShmError::about(&self.name, error)),
            false => Err(ShmError::NotFound(self.name.clone())),
        };
        sys::unlock(lock.as_fd(), REMOVAL)?;
        removed
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.pid == sys::own_pid() {
            // What cannot be removed now, the next sweep removes.
            let _ = sys::unlock(self.lock.as_fd(), BOTH);
            let _ = remove_unused(self.lock.as_fd(), self.id, &self.path);
        }
    }
}
