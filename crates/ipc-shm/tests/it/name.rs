//! Names: who finds what, and when a name goes.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ipc_shm::{RawValue, Region, Shared, ShmError, sweep};
use procspawn_core::{Process, StartMethod};

use crate::support::{Keeper, Signals, assert_error, file_of, run, start, unique};

#[test]
fn smoke() {
    let name = unique("smoke");
    let value = RawValue::create(&name, 1_u32).unwrap();
    run(|name: String| RawValue::open(&name).unwrap().set(2_u32), (name.clone(),));
    assert_eq!(value.get(), 2);
    assert_eq!(value.region().name(), Some(name.as_str()));
    let mode = std::fs::metadata(file_of(&name)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_name_is_taken_until_its_last_user_drops_it() {
    let name = unique("taken");
    assert_error!(RawValue::<u32>::open(&name), ShmError::NotFound(n) if n == name);
    let first = RawValue::create(&name, 1_u32).unwrap();
    assert_error!(RawValue::create(&name, 2_u32), ShmError::AlreadyExists(n) if n == name);
    let second = RawValue::<u32>::open(&name).unwrap();
    drop(first);
    assert_eq!(second.get(), 1, "a failed creation changes nothing");
    assert_eq!(RawValue::<u32>::open(&name).unwrap().get(), 1);
    drop(second);
    assert!(!file_of(&name).exists());
    assert_error!(RawValue::<u32>::open(&name), ShmError::NotFound(_));
    RawValue::create(&name, 3_u32).unwrap();
}

#[test]
fn names_that_cannot_be_are_refused() {
    let long = "x".repeat(201);
    for name in ["", "a/b", "/", "nul\0nul", &long] {
        assert_error!(Region::open(name), ShmError::InvalidName(n) if n == name);
        assert_error!(Region::options().named(name, 1), ShmError::InvalidName(_));
    }
    for name in [".", "..", " ", "ünï", &"x".repeat(200)] {
        assert_error!(Region::open(name), ShmError::NotFound(_));
    }
    Region::options().named("..", 1).unwrap();
}

#[test]
fn unlink_takes_the_name_and_leaves_the_memory() {
    let name = unique("unlink");
    let old = RawValue::create(&name, 1_u64).unwrap();
    let other = RawValue::<u64>::open(&name).unwrap();
    old.unlink().unwrap();
    assert_error!(old.unlink(), ShmError::NotFound(n) if n == name);
    assert_error!(other.unlink(), ShmError::NotFound(_));
    assert_error!(RawValue::<u64>::open(&name), ShmError::NotFound(_));
    let new = RawValue::create(&name, 5_u64).unwrap();
    other.set(2);
    assert_eq!((old.get(), new.get()), (2, 5));
    assert_error!(old.unlink(), ShmError::NotFound(_));
    drop((old, other));
    assert_eq!(RawValue::<u64>::open(&name).unwrap().get(), 5, "the new one is another's");
    assert_error!(Region::new(1).unwrap().unlink(), ShmError::NotFound(_));
}

fn create(name: String, signals: Signals) {
    let _value = RawValue::create(&name, 7_u32).unwrap();
    signals.keep();
}

fn open(name: String, signals: Signals) {
    let _value = RawValue::<u32>::open(&name).unwrap();
    signals.keep();
}

#[test]
fn a_killed_creator_leaves_nothing_after_the_next_sweep() {
    let (dead, living) = (unique("dead"), unique("living"));
    let keeper = Keeper::start(create, living.clone());
    let killed = Keeper::start(create, dead.clone());
    sweep().unwrap();
    assert_eq!(RawValue::<u32>::open(&dead).unwrap().get(), 7, "it lives");
    killed.kill();
    sweep().unwrap();
    assert!(!file_of(&dead).exists());
    assert_eq!(RawValue::<u32>::open(&living).unwrap().get(), 7);
    keeper.end();
    assert!(!file_of(&living).exists());
}

#[test]
fn a_name_outlives_its_creator_while_others_use_it() {
    let name = unique("outlives");
    let creator = Keeper::start(create, name.clone());
    let user = Keeper::start(open, name.clone());
    creator.kill();
    sweep().unwrap();
    assert_eq!(RawValue::<u32>::open(&name).unwrap().get(), 7);
    user.end();
    assert!(!file_of(&name).exists());
}

#[test]
fn a_user_that_ends_takes_nothing_from_others() {
    let name = unique("ends");
    let value = RawValue::create(&name, 7_u32).unwrap();
    Keeper::start(open, name.clone()).end();
    Keeper::start(open, name.clone()).kill();
    sweep().unwrap();
    assert_eq!(RawValue::<u32>::open(&name).unwrap().get(), 7);
    assert_eq!(value.get(), 7);
}

#[test]
fn creating_under_the_name_of_the_dead_works() {
    let name = unique("reuse");
    for _ in 0..3 {
        Keeper::start(create, name.clone()).kill();
    }
}

#[test]
fn another_users_region_is_not_for_us() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can become another user");
        return;
    }
    let name = unique("permission");
    let _value = RawValue::create(&name, 7_u32).unwrap();
    let child = |name: String| {
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        sweep().unwrap();
        assert_error!(RawValue::<u32>::open(&name), ShmError::PermissionDenied(n) if n == name);
        let path = std::path::Path::new("/root/region");
        assert_error!(RawValue::create_file(path, 1_u32), ShmError::PermissionDenied(_));
    };
    run(child, (name.clone(),));
    assert_eq!(RawValue::<u32>::open(&name).unwrap().get(), 7);
}

#[test]
fn a_strange_file_under_our_prefix_stays() {
    let name = unique("strange");
    std::fs::write(file_of(&name), [0; 1000]).unwrap();
    sweep().unwrap();
    assert_error!(Region::open(&name), ShmError::NotARegion);
    assert!(file_of(&name).exists());
    std::fs::remove_file(file_of(&name)).unwrap();
}

#[test]
fn a_forked_child_does_not_take_its_parents_name() {
    let child = |name: String| {
        let value = RawValue::create(&name, 7_u32).unwrap();
        let copy = value.clone();
        let forked = Process::from_closure(move || {
            drop(value);
            file_of("").parent().is_some()
        });
        assert!(forked.start_method(StartMethod::Fork).start().unwrap().join().unwrap());
        assert!(file_of(&name).exists());
        drop(copy);
    };
    let name = unique("forked");
    run(child, (name.clone(),));
}

#[test]
fn of_many_that_create_one_name_one_succeeds() {
    let name = unique("race");
    let gate = Shared::new(AtomicU64::new(0)).unwrap();
    let compete = |name: String, gate: Shared<AtomicU64>| {
        gate.fetch_add(1, Relaxed);
        while gate.load(Relaxed) < 4 {
            std::hint::spin_loop();
        }
        let created = Shared::create(&name, AtomicU64::new(0));
        gate.fetch_add(1, Relaxed);
        while gate.load(Relaxed) < 8 {
            std::thread::yield_now();
        }
        created.is_ok()
    };
    let all: Vec<_> = (0..4).map(|_| start(compete, (name.clone(), gate.clone()))).collect();
    let winners = all.into_iter().map(|child| child.join().unwrap());
    assert_eq!(winners.filter(|won| *won).count(), 1);
    assert!(!file_of(&name).exists());
}

/// Creates or opens, looks, and drops, again and again.
fn come_and_go(name: String, rounds: u32) {
    for _ in 0..rounds {
        let value = match Shared::create(&name, [42_u64; 100]) {
            Err(ShmError::AlreadyExists(_)) => Shared::open(&name),
            created => created,
        };
        match value {
            Ok(value) => assert_eq!(*value, [42; 100], "whatever has a name is complete"),
            Err(ShmError::NotFound(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn whatever_has_a_name_is_complete_and_the_last_to_go_removes_it() {
    let name = unique("come-and-go");
    let all: Vec<_> = (0..4).map(|_| start(come_and_go, (name.clone(), 500))).collect();
    all.into_iter().for_each(|child| child.join().unwrap());
    assert!(!file_of(&name).exists());
}

#[test]
fn kills_at_any_point_leave_what_a_sweep_removes() {
    let name = unique("kills");
    let survivor = start(come_and_go, (name.clone(), 3000));
    for round in 0..30 {
        let victim = start(come_and_go, (name.clone(), u32::MAX));
        // Some way into its work, which differs from round to round.
        for _ in 0..round {
            let _ = Shared::<[u64; 100]>::open(&name);
        }
        victim.kill().unwrap();
        assert!(victim.join().is_err());
    }
    survivor.join().unwrap();
    sweep().unwrap();
    assert!(!file_of(&name).exists());
}

#[test]
fn a_dropped_name_is_free_at_once_while_others_sweep() {
    let name = unique("free");
    let sweeping = || (0..u32::MAX).for_each(|_| sweep().unwrap());
    let sweepers: Vec<_> = (0..2).map(|_| start(sweeping, ())).collect();
    for n in 0..2000_u32 {
        drop(RawValue::create(&name, n).unwrap());
    }
    for sweeper in sweepers {
        sweeper.kill().unwrap();
        assert!(sweeper.join().is_err());
    }
    assert!(!file_of(&name).exists());
}
