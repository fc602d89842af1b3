//! One value, seen by several processes.

use std::sync::atomic::{AtomicI8, AtomicI64, AtomicU16, AtomicU64, Ordering::Relaxed};

use ipc_shm::{Shareable, Shared, ShmError};

use crate::support::{TempFile, assert_error, run, unique};

#[derive(Debug, Shareable)]
#[repr(C)]
struct Progress {
    done: AtomicU64,
    total: u32,
    per_lane: [AtomicU16; 3],
    last: Last<AtomicI64>,
}

#[derive(Debug, Shareable)]
#[repr(transparent)]
struct Last<T>(T);

fn progress() -> Progress {
    let per_lane = [1, 2, 3].map(AtomicU16::new);
    Progress { done: AtomicU64::new(1), total: 9, per_lane, last: Last(AtomicI64::new(-1)) }
}

#[test]
fn smoke() {
    let shared = Shared::new(progress()).unwrap();
    let child = |shared: Shared<Progress>| {
        shared.done.fetch_add(4, Relaxed);
        shared.per_lane[2].store(shared.total as u16, Relaxed);
        shared.last.0.store(i64::MIN, Relaxed);
    };
    run(child, (shared.clone(),));
    assert_eq!((shared.done.load(Relaxed), shared.total), (5, 9));
    assert_eq!(shared.per_lane[2].load(Relaxed), 9);
    assert_eq!(shared.last.0.load(Relaxed), i64::MIN);
    assert!(shared.ptr_eq(&shared.clone()));
    assert!(!shared.ptr_eq(&Shared::new(progress()).unwrap()));
    assert!(format!("{shared:?}").contains("total: 9"));
}

#[test]
fn a_name_and_a_file_lead_to_the_same_value() {
    let (name, file) = (unique("shared"), TempFile::new());
    let named = Shared::create(&name, AtomicU64::new(1)).unwrap();
    let filed = Shared::create_file(&file.0, AtomicU64::new(2)).unwrap();
    let child = |name: String, path: String| {
        Shared::<AtomicU64>::open(&name).unwrap().store(3, Relaxed);
        Shared::<AtomicU64>::open_file(&path).unwrap().store(4, Relaxed);
    };
    run(child, (name.clone(), file.0.to_str().unwrap().to_owned()));
    assert_eq!((named.load(Relaxed), filed.load(Relaxed)), (3, 4));
    assert_error!(Shared::<u64>::open(&name), ShmError::Layout { .. });
    assert_error!(Shared::<AtomicI64>::open_file(&file.0), ShmError::Layout { .. });
}

#[test]
fn a_type_without_bytes_is_empty() {
    assert_error!(Shared::new(()), ShmError::Empty);
    assert_eq!(Shared::new(AtomicI8::new(-1)).unwrap().load(Relaxed), -1);
}
