//! Slices, and borrows that the kernel keeps apart.

use ipc_shm::{SharedSlice, ShmError};

use crate::support::{Keeper, Signals, TempFile, assert_error, run, start, unique};

#[test]
fn smoke() {
    let slice = SharedSlice::from_slice(&[1_u32, 2, 3]).unwrap();
    run(|slice: SharedSlice<u32>| slice.write().unwrap().reverse(), (slice.clone(),));
    assert_eq!(*slice.read().unwrap(), [3, 2, 1]);
    assert_eq!((slice.get(0).unwrap(), slice.len(), slice.is_empty()), (3, 3, false));
    slice.set(0, 9).unwrap();
    assert_eq!(slice.to_vec().unwrap(), [9, 2, 1]);
}

#[test]
fn workers_fill_their_parts() {
    let all = SharedSlice::<u64>::with_len(1003).unwrap();
    let work = |part: SharedSlice<u64>, n: u64| part.write().unwrap().fill(n);
    let parts = all.split(4);
    assert_eq!(parts.iter().map(SharedSlice::len).collect::<Vec<_>>(), [251, 251, 251, 250]);
    let children: Vec<_> = (1..).zip(parts).map(|(n, part)| start(work, (part, n))).collect();
    children.into_iter().for_each(|child| child.join().unwrap());
    assert_eq!(all.read().unwrap().iter().sum::<u64>(), 251 * (1 + 2 + 3) + 250 * 4);
}

#[test]
fn borrows_in_one_process_exclude_each_other() {
    let slice = SharedSlice::<u8>::with_len(100).unwrap();
    let (one, other) = (slice.range(..50).unwrap(), slice.range(50..).unwrap());
    let mut writer = one.write().unwrap();
    assert_error!(one.read(), ShmError::Borrowed);
    assert_error!(one.write(), ShmError::Borrowed);
    assert_error!(slice.read(), ShmError::Borrowed);
    assert_error!(slice.get(49), ShmError::Borrowed);
    assert_error!(slice.set(49, 1), ShmError::Borrowed);
    slice.set(50, 1).unwrap();
    let mut second = other.write().unwrap();
    (writer[49], second[0]) = (7, 8);
    drop((writer, second));

    let readers = (slice.read().unwrap(), one.read().unwrap());
    assert_eq!(readers.0[48..52], [0, 7, 8, 0]);
    assert_eq!(slice.get(49).unwrap(), 7);
    assert_error!(slice.set(49, 1), ShmError::Borrowed);
    assert_error!(other.write(), ShmError::Borrowed);
    drop(readers);
    slice.write().unwrap();
}

fn keep_writing(part: SharedSlice<u8>, signals: Signals) {
    let mut guard = part.write().unwrap();
    guard.fill(9);
    signals.keep();
}

fn keep_reading(part: SharedSlice<u8>, signals: Signals) {
    let _guard = part.read().unwrap();
    signals.keep();
}

#[test]
fn borrows_of_other_processes_exclude_ours_until_they_end_or_are_killed() {
    let slice = SharedSlice::<u8>::with_len(100).unwrap();
    let part = slice.range(10..20).unwrap();
    for ends_by in [Keeper::end, Keeper::kill] {
        let keeper = Keeper::start(keep_writing, part.clone());
        assert_error!(slice.read(), ShmError::Borrowed);
        assert_error!(slice.range(19..30).unwrap().write(), ShmError::Borrowed);
        assert_error!(slice.get(10), ShmError::Borrowed);
        slice.range(20..).unwrap().write().unwrap().fill(1);
        slice.range(..10).unwrap().read().unwrap();
        ends_by(keeper);
        assert_eq!(slice.read().unwrap()[9..12], [0, 9, 9]);

        let keeper = Keeper::start(keep_reading, part.clone());
        assert_error!(slice.write(), ShmError::Borrowed);
        slice.read().unwrap();
        ends_by(keeper);
        slice.write().unwrap().fill(0);
    }
}

#[test]
fn a_borrow_can_be_waited_for() {
    let slice = SharedSlice::<u8>::with_len(100).unwrap();
    let keeper = Keeper::start(keep_writing, slice.clone());
    let reader = start(|slice: SharedSlice<u8>| slice.read_wait().unwrap()[99], (slice.clone(),));
    let writer =
        start(|slice: SharedSlice<u8>| slice.write_wait().unwrap().len(), (slice.clone(),));
    keeper.end();
    assert_eq!(reader.join().unwrap(), 9);
    assert_eq!(writer.join().unwrap(), 100);
}

#[test]
fn ranges_are_checked_and_may_be_empty() {
    let slice = SharedSlice::from_slice(&[1_u16, 2, 3]).unwrap();
    let inner = slice.range(1..=1).unwrap();
    assert_eq!(inner.to_vec().unwrap(), [2]);
    assert_error!(inner.get(1), ShmError::OutOfBounds { end: 2, len: 1 });
    assert_error!(inner.get(usize::MAX), ShmError::OutOfBounds { .. });
    assert_error!(inner.range(..2), ShmError::OutOfBounds { end: 2, len: 1 });
    assert_error!(slice.range(..=usize::MAX), ShmError::OutOfBounds { .. });
    let backwards = (std::ops::Bound::Included(2), std::ops::Bound::Excluded(1));
    assert_error!(slice.range(backwards), ShmError::OutOfBounds { .. });

    let empty = slice.range(3..).unwrap();
    let all = slice.write().unwrap();
    assert!(empty.is_empty() && empty.write().unwrap().is_empty(), "nothing overlaps nothing");
    drop(all);
    assert_eq!(slice.split(5).iter().map(SharedSlice::len).collect::<Vec<_>>(), [1, 1, 1, 0, 0]);
    assert!(slice.split(0).is_empty());
    let lens = run(|s: SharedSlice<u16>| (s.len(), s.read().unwrap().len()), (empty,));
    assert_eq!(lens, (0, 0));
}

#[test]
fn no_elements_and_too_many_are_errors() {
    assert_error!(SharedSlice::<u64>::with_len(0), ShmError::Empty);
    assert_error!(SharedSlice::<u64>::from_slice(&[]), ShmError::Empty);
    assert_error!(SharedSlice::<u64>::with_len(usize::MAX), ShmError::TooLarge);
    assert_error!(SharedSlice::<u64>::with_len(1 << 42), ShmError::OutOfMemory { .. });
}

#[test]
fn names_and_files_lead_to_the_same() {
    let (name, file) = (unique("slice"), TempFile::new());
    let named = SharedSlice::create(&name, &[1_u8, 2, 3]).unwrap();
    let filed = SharedSlice::create_file(&file.0, &[1_u8, 2, 3]).unwrap();
    let _guard = named.write().unwrap();
    let second = SharedSlice::<u8>::open(&name).unwrap();
    assert_error!(second.read(), ShmError::Borrowed);
    second.unlink().unwrap();
    assert_error!(second.read(), ShmError::Borrowed);
    let _guard = filed.write().unwrap();
    assert_error!(SharedSlice::<u8>::open_file(&file.0).unwrap().read(), ShmError::Borrowed);
}

#[test]
fn threads_take_turns_at_elements() {
    let slice = SharedSlice::<u64>::with_len(4).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let slice = &slice;
            scope.spawn(move || {
                for n in 1..=1000 {
                    slice.set(thread, n).unwrap();
                    assert_eq!(slice.get(thread).unwrap(), n);
                }
            });
        }
    });
    assert_eq!(slice.to_vec().unwrap(), [1000; 4]);
}
