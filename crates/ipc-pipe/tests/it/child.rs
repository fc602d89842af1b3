//! Children of a test: this executable again, running one ignored test by its name.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};

use ipc_pipe::Connection;

const MARK: &str = "IPC_PIPE_TEST_CHILD";

/// Starts the ignored test `name` with `end` as its standard input.
pub(crate) fn start(name: &str, end: &impl AsFd) -> Child {
    let end = end.as_fd().try_clone_to_owned().unwrap();
    command(name).stdin(Stdio::from(end)).spawn().unwrap()
}

/// Runs the ignored test `name` in a process of its own, where it may change what all threads share.
pub(crate) fn run_alone(name: &str) {
    let output = command(name).stdin(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    let text = [String::from_utf8_lossy(&out), String::from_utf8_lossy(&err)].concat();
    assert!(output.status.success() && text.contains("1 passed"), "{}: {text}", output.status);
}

pub(crate) fn command(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(MARK, "1").stdout(Stdio::piped());
    command
}

/// True in a child; an ignored test that somebody runs by hand has nothing to do.
pub(crate) fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

/// The end that [`start`] has given to this child.
pub(crate) fn end<S, R>() -> Option<Connection<S, R>> {
    is_child().then(|| {
        let socket: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        Connection::try_from(socket).unwrap()
    })
}

/// Kills a child when a test ends early, and reaps it in any case.
pub(crate) struct Reaped(pub(crate) Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
