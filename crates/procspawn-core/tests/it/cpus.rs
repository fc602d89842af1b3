//! How many processors there are for this process.

use std::path::Path;

use procspawn_core::{StartMethod, cpu_count};
use rustix::thread::CpuSet;

use crate::support::{each_method, only, run, skip};

each_method! { a_child_inherits_the_affinity_of_its_parent }

only! { Spawn: a_quota_of_the_control_group_counts }

#[test]
fn there_is_at_least_one() {
    assert!(cpu_count() >= 1);
}

fn a_child_inherits_the_affinity_of_its_parent(method: StartMethod) {
    let all = rustix::thread::sched_getaffinity(None).unwrap();
    assert!(cpu_count() <= all.count() as usize);
    let first = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)).unwrap();
    let mut one = CpuSet::new();
    one.set(first);
    rustix::thread::sched_setaffinity(None, &one).unwrap();
    assert_eq!(cpu_count(), 1);
    assert_eq!(run(method, cpu_count, ()), 1);
}

/// Makes a control group with that quota and enters it; the reason if that cannot be done.
fn enter_group(microseconds: u32) -> Result<std::path::PathBuf, String> {
    let name = format!("procspawn-core-{}", std::process::id());
    let candidates = [
        ("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", microseconds.to_string()),
        ("/sys/fs/cgroup", "cpu.max", format!("{microseconds} 100000")),
    ];
    let mut why = "there is no writable control group of version 1 or 2".to_string();
    for (root, file, quota) in candidates {
        let group = Path::new(root).join(&name);
        if !Path::new(root).join("cgroup.procs").exists() || std::fs::create_dir(&group).is_err() {
            continue;
        }
        let entered = std::fs::write(group.join(file), &quota)
            .and_then(|()| std::fs::write(group.join("cgroup.procs"), "0"));
        match entered {
            Ok(()) => return Ok(group),
            Err(error) => why = format!("{}: {error}", group.join(file).display()),
        }
        let _ = std::fs::remove_dir(&group);
    }
    Err(why)
}

fn a_quota_of_the_control_group_counts(method: StartMethod) {
    let before = cpu_count();
    if before < 2 {
        return skip("a quota smaller than the number of processors needs two of them");
    }
    let group = match enter_group(100_000) {
        Ok(group) => group,
        Err(why) => return skip(&why),
    };
    let counts = (cpu_count(), run(method, cpu_count, ()));
    let parent = group.parent().unwrap();
    std::fs::write(parent.join("cgroup.procs"), "0").unwrap();
    std::fs::remove_dir(&group).unwrap();
    assert_eq!(counts, (1, 1));
}
