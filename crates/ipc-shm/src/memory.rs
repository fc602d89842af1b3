//! Whether there is memory for a region, asked before the kernel is.
//!
//! A file system in memory takes what is asked for up to its own limit, and when memory is short
//! the kernel looks for a process to kill instead of saying no. So a long region is compared with
//! what `/proc/meminfo` and the limits of the control groups (version 2) leave. It is an estimate,
//! and others may be quicker; it turns the common mistake into an error.

use std::fs;
use std::path::Path;

use crate::ShmError;

/// Shorter regions are not worth the look.
const WORTH_A_LOOK: usize = 16 << 20;

/// Fails if `len` bytes would not fit into memory and swap together.
pub(crate) fn check(len: usize) -> Result<(), ShmError> {
    let needed = len as u64;
    if len >= WORTH_A_LOOK && available().is_some_and(|available| needed > available) {
        return Err(ShmError::OutOfMemory { needed });
    }
    Ok(())
}

/// The size of a huge page in bytes.
pub(crate) fn huge_page_size() -> usize {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes =
        field(&text, "Hugepagesize:", " kB").and_then(|size| usize::try_from(size).ok());
    kibibytes.map_or(2 << 20, |size| size << 10)
}

/// The bytes that this process may still get; `None` if nobody says.
fn available() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| machine(&text));
    let group = fs::read_to_string("/proc/self/cgroup").ok().and_then(|text| groups(&text));
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

/// What the machine has: memory that can be freed for us, and swap.
fn machine(meminfo: &str) -> Option<u64> {
    let kibibytes = |name: &str| field(meminfo, name, " kB");
    let swap = kibibytes("SwapFree:").unwrap_or(0);
    Some(kibibytes("MemAvailable:")?.saturating_add(swap).saturating_mul(1024))
}

/// The least that the control groups around this process leave.
fn groups(text: &str) -> Option<u64> {
    let path = text.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let innermost = Path::new("/sys/fs/cgroup").join(path);
    let around = innermost.ancestors().take_while(|folder| folder.starts_with("/sys/fs/cgroup"));
    around.filter_map(group).min()
}

fn group(folder: &Path) -> Option<u64> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let number = |name: &str| read(name)?.trim().parse::<u64>().ok();
    let limit = number("memory.max")?;
    // Pages of files count as used, and go when they must.
    let stat = read("memory.stat").unwrap_or_default();
    let files = ["inactive_file ", "active_file "].iter().filter_map(|name| field(&stat, name, ""));
    let used = number("memory.current")?.saturating_sub(files.sum());
    let swap_used = number("memory.swap.current").unwrap_or(0);
    let swap = number("memory.swap.max").map_or(0, |swap| swap.saturating_sub(swap_used));
    Some(limit.saturating_sub(used).saturating_add(swap))
}

/// The number between `name` at the head of a line and `unit` at its end.
fn field(text: &str, name: &str, unit: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.trim().trim_end_matches(unit).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_swap_add_up() {
        let text = "MemTotal: 100 kB\nMemAvailable:   10 kB\nSwapFree:  5 kB\n";
        assert_eq!(machine(text), Some(15 * 1024));
        assert_eq!(machine("MemTotal: 100 kB\n"), None);
    }

    #[test]
    fn only_version_two_of_control_groups_is_read() {
        assert_eq!(groups("3:memory:/a\n"), None);
    }
}
