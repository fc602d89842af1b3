//! Workers that the kernel kills for want of memory.
//!
//! That takes a control group with a limit, which only who manages the groups of a machine may make:
//! `POOL_TEST_CGROUP` names an empty one for these tests, to whose `cgroup.procs` and limit they may
//! write. Without it they are skipped.

use std::fs;
use std::path::PathBuf;

use pool::Executor;
use procspawn_core::StartMethod;

use crate::host::{death, kill_own, pool_of};
use crate::support::double;

const VARIABLE: &str = "POOL_TEST_CGROUP";

#[test]
fn a_worker_that_is_killed_for_want_of_memory_says_so() {
    if std::env::var_os(VARIABLE).is_none() {
        eprintln!("skipped: {VARIABLE} names no control group");
        return;
    }
    crate::host::in_host(want_too_much, StartMethod::Spawn);
}

fn want_too_much(method: StartMethod) {
    let group = PathBuf::from(std::env::var_os(VARIABLE).unwrap());
    let limit = ["memory.max", "memory.limit_in_bytes"].map(|name| group.join(name));
    let limit = limit.into_iter().find(|file| file.exists()).unwrap();
    fs::write(group.join("cgroup.procs"), std::process::id().to_string()).unwrap();
    fs::write(limit, (256 << 20).to_string()).unwrap();
    let pool = pool_of(method, 2);
    assert!(!death(pool.apply(kill_own, ())).out_of_memory);
    let died = death(pool.apply(|| vec![1_u8; 1 << 30].len(), ()));
    assert!(died.out_of_memory && died.to_string().contains("out of memory"), "{died}");
    assert!(!death(pool.apply(kill_own, ())).out_of_memory);
    assert_eq!(pool.map(double, 0..20).unwrap().len(), 20);
}
