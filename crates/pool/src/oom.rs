//! Whether the kernel has killed for want of memory.
//!
//! It keeps no note of whom it killed that a program may read, but counts: in the control group
//! (`memory.events` of version 2, `memory.oom_control` of version 1), and in all (`/proc/vmstat`).
//! A worker that died by SIGKILL while the count went up is taken to be the one.

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
    let mut places = places_of(&fs::read_to_string("/proc/self/cgroup").unwrap_or_default());
    places.push(("/proc/vmstat".into(), "oom_kill"));
    places
}

/// Where the control groups of `/proc/PID/cgroup` have theirs.
fn places_of(groups: &str) -> Vec<(String, &'static str)> {
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
    places
}

/// The number behind `word` in a file of words and numbers.
fn read(path: &str, word: &str) -> Option<u64> {
    count(&fs::read_to_string(path).ok()?, word)
}

fn count(text: &str, word: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    line?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_version_2() {
        let places = places_of("0::/user.slice/session-1.scope\n");
        let file = "/sys/fs/cgroup/user.slice/session-1.scope/memory.events";
        assert_eq!(places, [(file.to_string(), "oom_kill")]);
    }

    #[test]
    fn groups_of_version_1_beside_an_empty_one_of_version_2() {
        let text = "9:name=systemd:/\n4:cpu,memory:/box/a:b\n3:cpuset:/\n0::/\nnonsense\n\n";
        let places: Vec<_> = places_of(text).into_iter().map(|(file, _)| file).collect();
        let expected =
            ["/sys/fs/cgroup/memory/box/a:b/memory.oom_control", "/sys/fs/cgroup//memory.events"];
        assert_eq!(places, expected);
    }

    #[test]
    fn the_count_is_behind_its_word_alone() {
        let events = "low 0\nhigh 2\nmax 5\noom 3\noom_kill 4\noom_group_kill 9\n";
        assert_eq!(count(events, "oom_kill"), Some(4));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\noom_kill 7", "oom_kill"), Some(7));
        assert_eq!(count("oom_kill_disable 0\nunder_oom 0\n", "oom_kill"), None);
        assert_eq!(count("oom_kill many\n", "oom_kill"), None);
        assert_eq!(count("", "oom_kill"), None);
    }

    #[test]
    fn a_count_that_goes_up_is_noticed_once() {
        let file = std::env::temp_dir().join(format!("oom-{}", std::process::id()));
        let path = file.display().to_string();
        fs::write(&file, "oom_kill 3\n").unwrap();
        let mut kills = Kills { place: Some((path, "oom_kill")), seen: 3 };
        assert!(!kills.went_up());
        fs::write(&file, "oom_kill 5\n").unwrap();
        assert!(kills.went_up() && !kills.went_up());
        fs::remove_file(&file).unwrap();
        assert!(!kills.went_up(), "it cannot be read any more");
        assert!(!Kills { place: None, seen: 0 }.went_up());
    }
}
