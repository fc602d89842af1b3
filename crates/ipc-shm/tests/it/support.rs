//! What the tests stand on: other processes, names of their own, and a look at what is left.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use procspawn_core::{Function, JoinHandle, Process};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Starts a process, which must succeed.
#[track_caller]
pub(crate) fn start<F, A, R>(function: F, args: A) -> JoinHandle<R>
where
    F: Function<A, Output = R>,
    A: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    Process::new(function, args).start().unwrap()
}

/// Runs a function in another process.
#[track_caller]
pub(crate) fn run<F, A, R>(function: F, args: A) -> R
where
    F: Function<A, Output = R>,
    A: Serialize + DeserializeOwned + 'static,
    R: Serialize + DeserializeOwned + 'static,
{
    start(function, args).join().unwrap()
}

/// A name that no other test has.
pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("test-{what}-{}-{count}", std::process::id())
}

/// Where the system keeps the file of a name.
pub(crate) fn file_of(name: &str) -> PathBuf {
    PathBuf::from(format!("/dev/shm/multiproc-shm.{name}"))
}

/// A file that goes with the test.
pub(crate) struct TempFile(pub(crate) PathBuf);

impl TempFile {
    pub(crate) fn new() -> TempFile {
        TempFile(std::env::temp_dir().join(unique("file")))
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
