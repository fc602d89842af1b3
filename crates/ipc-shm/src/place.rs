//! Where a region lies: in memory without a name, under a name, or in a file.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::MemfdFlags;

use crate::header::Kind;
use crate::name::{self, Claim};
use crate::{ShmError, sys};

/// Where a new region is to lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    Anonymous(MemfdFlags),
    Named(&'a str),
    File(&'a Path),
}

/// A region's file before anybody else can find it.
pub(crate) struct Unfinished {
    pub(crate) file: OwnedFd,
    /// The name it has had to have meanwhile, where the file system wants one.
    meanwhile: Option<Meanwhile>,
}

/// A temporary name, which goes when this does.
struct Meanwhile(PathBuf);

impl Place<'_> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Place::Anonymous(_) => Kind::Anonymous,
            Place::Named(_) => Kind::Named,
            Place::File(_) => Kind::File,
        }
    }

    /// An empty file there, without its name.
    pub(crate) fn begin(&self) -> Result<Unfinished, ShmError> {
        let file = match self {
            Place::Anonymous(flags) => sys::memory_file(*flags)?,
            Place::Named(name) => name::begin(name)?,
            Place::File(path) => return begin_file(path),
        };
        Ok(Unfinished { file, meanwhile: None })
    }

    /// Lets others find it: from here on everything in it must be true.
    pub(crate) fn publish(&self, unfinished: &Unfinished) -> Result<Option<Claim>, ShmError> {
        let file = unfinished.file.as_fd();
        match self {
            Place::Anonymous(_) => sys::seal(file)?,
            Place::Named(name) => return Claim::publish(name, file).map(Some),
            Place::File(path) => unfinished
                .link(file, path)
                .map_err(|error| ShmError::about(&path.display().to_string(), error))?,
        }
        Ok(None)
    }
}

impl Unfinished {
    pub(crate) fn into_file(self) -> OwnedFd {
        self.file
    }

    fn link(&self, file: BorrowedFd<'_>, path: &Path) -> std::io::Result<()> {
        match &self.meanwhile {
            Some(meanwhile) => sys::link_path(&meanwhile.0, path),
            None => sys::link(file, path),
        }
    }
}

impl Drop for Meanwhile {
    fn drop(&mut self) {
        // Someone may have tidied up already.
        let _ = sys::unlink(&self.0);
    }
}

/// A file beside `path`: without a name, or with a passing one where the file system has no such
/// files. If this process is killed, the latter stays behind.
fn begin_file(path: &Path) -> Result<Unfinished, ShmError> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let about = |error| ShmError::about(&path.display().to_string(), error);
    match sys::nameless_file(folder) {
        Ok(file) => Ok(Unfinished { file, meanwhile: None }),
        Err(error) if has_no_nameless_files(&error) => {
            let meanwhile = folder.join(passing_name());
            let file = sys::new_file(&meanwhile).map_err(about)?;
            Ok(Unfinished { file, meanwhile: Some(Meanwhile(meanwhile)) })
        }
        Err(error) => Err(about(error)),
    }
}

fn has_no_nameless_files(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{IsADirectory, Unsupported};
    matches!(error.kind(), Unsupported | IsADirectory)
}

fn passing_name() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(".multiproc-shm.{}.{count}", sys::own_pid())
}
