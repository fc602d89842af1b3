//! The harness leaves nothing behind: no child, dead or alive, and no descriptor.

use rustix::io::Errno;
use rustix::process::WaitOptions;

/// The descriptors that were open when it was taken.
#[derive(Debug)]
pub(crate) struct Census {
    descriptors: usize,
}

impl Census {
    pub(crate) fn take() -> Self {
        Self { descriptors: descriptors() }
    }

    /// Compares with now. Whoever asks has dropped all that it started.
    pub(crate) fn compare(&self) -> Result<(), String> {
        let now = descriptors();
        if now != self.descriptors {
            return Err(format!("{} descriptors were open, and now {now}", self.descriptors));
        }
        match rustix::process::waitpid(None, WaitOptions::NOHANG) {
            Err(Errno::CHILD) => Ok(()),
            left => Err(format!("a child is left behind: {left:?}")),
        }
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
