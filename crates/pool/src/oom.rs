//! Whether the kernel has killed for want of memory.
//!
//! It keeps no note of whom it killed that a program may read, but counts: in the control group
//! (`memory.events` of version 2, `memory.oom_control` of version 1), and in all (`/proc/vmstat`). A
//! worker that died by SIGKILL while the count went up is taken to be the one.

use std::fs;

/// A count of the kernel that goes up with each process it kills for want of memory.
#[derive(Debug)]
pub(crate) struct Kills {
    /// The file that has the count, and the word before it.
    place: Option<(String, &'static str)>,
    seen: u64,
}

impl Kills {
    pub(crate) fn new() -> Kills {
        let place = places().into_iter().find(|(path, word)| read(path, word).is_some());
        let seen = place.as_ref().and_then(|(path, word)| read(path, word)).unwrap_or(0);
        Kills { place, seen }
    }

    /// True if the kernel has killed since the last time.
    pub(crate) fn went_up(&mut self) -> bool {
        let Some((path, word)) = &self.place else { return false };
        let now = read(path, word).unwrap_or(self.seen);
        std::mem::replace(&mut self.seen, now) < now
    }
}

/// Where the count can be, the closest to this process first.
fn places() -> Vec<(String, &'static str)> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut places = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        match (parts.next(), parts.next()) {
            (Some(""), Some(path)) => {
                places.push((format!("/sys/fs/cgroup{path}/memory.events"), "oom_kill"));
            }
            (Some(kinds), Some(path)) if kinds.split(',').any(|kind| kind == "memory") => {
                let file = format!("/sys/fs/cgroup/memory{path}/memory.oom_control");
                places.push((file, "oom_kill"));
            }
            _ => {}
        }
    }
    places.push(("/proc/vmstat".into(), "oom_kill"));
    places
}

/// The number behind `word` in a file of words and numbers.
fn read(path: &str, word: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    line?.trim().parse().ok()
}
