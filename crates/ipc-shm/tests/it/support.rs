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

/// Fails unless `$result` is an error of this form.
macro_rules! assert_error {
    ($result:expr, $form:pat $(if $guard:expr)?) => {
        match $result {
            Err($form) $(if $guard)? => {}
            other => panic!("{other:?} is not {}", stringify!($form)),
        }
    };
}

pub(crate) use assert_error;

/// A process that has something until it is told to end, or killed.
pub(crate) struct Keeper {
    handle: JoinHandle<()>,
    end: ipc_pipe::Sender<()>,
}

/// What a keeper is told to end by, and what it says when it has what it keeps.
#[derive(Serialize, serde::Deserialize)]
pub(crate) struct Signals {
    end: ipc_pipe::Receiver<()>,
    ready: ipc_pipe::Sender<()>,
}

impl Signals {
    /// Says that all is in place, and waits for the end.
    pub(crate) fn keep(mut self) {
        self.ready.send(&()).unwrap();
        let _ = self.end.recv();
    }
}

impl Keeper {
    /// Starts a process and waits until it calls [`Signals::keep`].
    #[track_caller]
    pub(crate) fn start<F, A>(function: F, argument: A) -> Keeper
    where
        F: Function<(A, Signals), Output = ()>,
        A: Serialize + DeserializeOwned + 'static,
    {
        let (end, tell) = ipc_pipe::pipe().unwrap();
        let (mut told, ready) = ipc_pipe::pipe().unwrap();
        let handle = start(function, (argument, Signals { end, ready }));
        told.recv().expect("the keeper has come to its wait");
        Keeper { handle, end: tell }
    }

    /// Lets it go on to its end.
    #[track_caller]
    pub(crate) fn end(mut self) {
        self.end.send(&()).unwrap();
        self.handle.join().unwrap();
    }

    /// Kills it, and waits until it is gone.
    #[track_caller]
    pub(crate) fn kill(self) {
        self.handle.kill().unwrap();
        assert!(self.handle.join().is_err());
    }
}
