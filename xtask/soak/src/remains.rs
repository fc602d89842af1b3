//! What this process has: descriptors, shared memory, and processes. A round leaves no more of it than
//! the first one did, for what that needs stays for the others.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

/// How long a process that has ended may take to be gone, and its pipes with it.
const PATIENCE: Duration = Duration::from_secs(2);

const MOMENT: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remains {
    descriptors: usize,
    mappings: usize,
    /// Children and theirs, the dead included whom nobody has waited for.
    processes: usize,
}

impl Remains {
    pub(crate) fn now() -> Remains {
        Remains { descriptors: descriptors(), mappings: mappings(), processes: descendants().len() }
    }

    /// The same when all that is ending has ended.
    pub(crate) fn settled() -> Remains {
        let mut before = Remains::now();
        loop {
            std::thread::sleep(MOMENT);
            let now = Remains::now();
            if now == before {
                return now;
            }
            before = now;
        }
    }

    /// An error if there is more or less now, for longer than a moment.
    pub(crate) fn compare(self) -> Result<(), String> {
        let begin = Instant::now();
        loop {
            let now = Remains::now();
            if now == self {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                return Err(format!("there were {self:?}, and are {now:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Mappings that are shared and writable.
fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().filter(|line| line.contains(" rw-s ")).count()
}

fn descendants() -> HashSet<u32> {
    let mut family = HashSet::from([std::process::id()]);
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect();
    loop {
        let before = family.len();
        let children = all.iter().filter(|(_, parent)| family.contains(parent));
        let children: Vec<u32> = children.map(|(pid, _)| *pid).collect();
        family.extend(children);
        if family.len() == before {
            family.remove(&std::process::id());
            return family;
        }
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may have spaces in it.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_parent_and_descriptors() {
        assert!(parent(std::process::id()).is_some_and(|parent| parent > 0));
        assert!(descriptors() > 2);
    }
}
