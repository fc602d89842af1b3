//! What remains of many regions: nothing.

use std::fs;

use ipc_shm::{RawValue, Region, ShareableList, SharedSlice};

use crate::support::{run, unique};

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn mappings() -> usize {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    maps.lines().filter(|line| line.contains("multiproc-shm") || line.contains("/dev/shm/")).count()
}

fn names(prefix: &str) -> usize {
    let all = fs::read_dir("/dev/shm")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    all.filter(|name| name.contains(prefix)).count()
}

#[test]
fn ten_thousand_regions_leave_nothing() {
    let child = |prefix: String| {
        let (descriptors_before, mappings_before) = (descriptors(), mappings());
        for n in 0..10_000_u32 {
            let region = Region::new(1 + n as usize).unwrap();
            region.write_at(n as usize, &[1]).unwrap();
            let value = RawValue::create(&prefix, n).unwrap();
            assert_eq!(value.get(), n);
        }
        assert_eq!((descriptors(), mappings()), (descriptors_before, mappings_before));
        assert_eq!(names(&prefix), 0);
    };
    run(child, (unique("many"),));
}

#[test]
fn locks_and_errors_leave_nothing() {
    let child = |name: String| {
        let before = (descriptors(), mappings());
        for _ in 0..100 {
            let slice = SharedSlice::from_slice(&[1_u8; 100]).unwrap();
            let guard = slice.write().unwrap();
            assert!(slice.read().is_err() && slice.get(3).is_err());
            drop(guard);
            slice.set(3, 4).unwrap();
            let list = ShareableList::create(&name, [1, 2]).unwrap();
            list.set(0, "two").unwrap();
            assert!(ShareableList::create(&name, [1, 2]).is_err());
            assert!(RawValue::<u8>::open(&name).is_err());
        }
        assert_eq!((descriptors(), mappings()), before);
    };
    run(child, (unique("locks"),));
}
