//! What nobody can bring about from outside: memory that another process has written over.

use super::control::State;
use super::*;
use crate::error::PutErrorKind;
use crate::patience::Patience;

fn queue() -> PriorityQueue<Vec<u8>> {
    PriorityQueue::unbounded().expect("a queue")
}

/// Puts three items of three chunks each.
fn filled() -> PriorityQueue<Vec<u8>> {
    let queue = queue();
    for priority in 1..=3 {
        queue.put(priority, vec![7; 300]).expect("room");
    }
    queue
}

fn is_corrupt<T: fmt::Debug>(result: Result<T, GetError>) {
    assert!(matches!(result, Err(GetError::Corrupt(_))), "{result:?}");
}

#[test]
fn a_record_that_is_none_is_an_error() {
    for record in [0, u64::MAX, 1 << 32, 2 << 32 | u64::from(u32::MAX)] {
        let queue = filled();
        queue.store.memory.set_record(0, record);
        is_corrupt(queue.try_get());
    }
}

#[test]
fn a_link_that_leads_nowhere_is_an_error() {
    for next in [9, u32::MAX] {
        let queue = filled();
        queue.store.memory.set_next(1, next);
        is_corrupt(queue.try_get());
    }
}

#[test]
fn a_link_in_a_circle_comes_to_an_end() {
    let queue = filled();
    queue.store.memory.set_next(1, 0);
    assert_ne!(queue.try_get().ok(), Some(vec![7; 300]));
}

#[test]
fn an_entry_of_no_item_is_an_error() {
    for chunk in [1, 9, u32::MAX] {
        let queue = filled();
        let memory = &queue.store.memory;
        memory.set_entry(0, heap::Entry { chunk, ..memory.entry(0) });
        is_corrupt(queue.try_get());
    }
}

#[test]
fn a_free_chunk_that_is_none_is_an_error() {
    let queue = filled();
    queue.get().expect("an item");
    let mut holding = queue.store.lock(Patience::None).expect("nobody has it");
    holding.state.free = u32::MAX;
    drop(holding);
    let error = queue.try_put(0, Vec::new()).expect_err("nowhere to put it");
    assert!(matches!(error.kind, PutErrorKind::Corrupt(_)));
}

#[test]
fn what_cannot_be_remembered_is_an_error() {
    let change: [fn(&mut State); 5] = [
        |state| state.len = u32::MAX,
        |state| state.used = u32::MAX,
        |state| state.free_len = u32::MAX,
        |state| state.resident = u32::MAX,
        |state| state.resident = 0,
    ];
    for change in change {
        let queue = filled();
        let mut holding = queue.store.lock(Patience::None).expect("nobody has it");
        change(&mut holding.state);
        drop(holding);
        is_corrupt(queue.try_get());
        assert!(matches!(
            queue.try_put(0, Vec::new()).map_err(|e| e.kind),
            Err(PutErrorKind::Corrupt(_))
        ));
    }
}

/// A repair that finds nonsense is tried again by the next one, and is an error each time.
#[test]
fn items_that_cannot_be_are_an_error_for_everybody() {
    let queue = filled();
    queue.store.memory.set_next(1, 0);
    die(&queue);
    is_corrupt(queue.try_get());
    is_corrupt(queue.try_get());
    queue.store.memory.set_next(1, 2);
    assert_eq!(queue.try_get().expect("it is mended"), [7; 300]);
}

#[test]
fn what_follows_from_the_items_is_found_again() {
    let queue = filled();
    queue.get().expect("an item");
    queue.put(2, Vec::new()).expect("room");
    let memory = &queue.store.memory;
    for at in 0..4 {
        memory.set_entry(at, heap::Entry { priority: 0, number: 0, chunk: u32::MAX });
    }
    let mut holding = queue.store.lock(Patience::None).expect("nobody has it");
    let State { last_seq, used, resident, .. } = holding.state;
    holding.state = State { last_seq: 0, len: 77, free: 99, free_len: 5, used, resident };
    drop(holding);
    die(&queue);
    assert_eq!(queue.len(), 3);
    let holding = queue.store.lock(Patience::None).expect("nobody has it");
    assert_eq!((holding.state.last_seq, holding.state.free_len), (last_seq, 2));
    drop(holding);
    assert_eq!(queue.get_with_priority().expect("an item"), (2, vec![7; 300]));
    assert_eq!(queue.get_with_priority().expect("an item"), (2, Vec::new()));
    assert_eq!(queue.get_with_priority().expect("an item"), (3, vec![7; 300]));
    assert!(queue.is_empty());
}

/// Whatever stands in memory, operations come to an end without a panic.
#[test]
fn nonsense_is_survived() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for _ in 0..300 {
        let queue = filled();
        for _ in 0..20 {
            scribble(&queue, &mut next);
            let _ = queue.try_put(next() as i64 % 4, vec![1; next() as usize % 1000]);
            let _ = queue.try_get_with_priority();
            let _ = (queue.len(), queue.is_full());
        }
    }
}

fn scribble(queue: &PriorityQueue<Vec<u8>>, next: &mut impl FnMut() -> u64) {
    let memory = &queue.store.memory;
    let chunk = next() as u32 % 20;
    let small = next() as u32 % 24;
    match next() % 6 {
        0 => memory.set_record(chunk, next()),
        1 => memory.set_record(chunk, ((next() % 5) << 32) + next() % 2000),
        2 => memory.set_next(chunk, small),
        3 => memory.set_entry(chunk, heap::Entry { priority: 0, number: 0, chunk: small }),
        4 => die(queue),
        _ => {
            let Ok(mut holding) = queue.store.lock(Patience::None) else { return };
            let fields = &mut holding.state;
            match next() % 4 {
                0 => fields.len = small,
                1 => fields.used = small,
                2 => fields.free = small,
                _ => fields.free_len = small,
            }
        }
    }
}

/// Leaves the lock as a holder that panicked.
fn die(queue: &PriorityQueue<Vec<u8>>) {
    let lock = &queue.store.control().state;
    let died = std::panic::catch_unwind(|| {
        let _guard = lock.lock();
        std::panic::resume_unwind(Box::new(()));
    });
    assert!(died.is_err());
}

/// Others are told after a while, or when their time is up.
#[test]
fn a_holder_that_does_not_finish_is_reported() {
    let queue = filled();
    let holding = queue.store.lock(Patience::None).expect("nobody has it");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let put = queue.try_put(0, Vec::new()).expect_err("the lock is held");
            let moment = std::time::Duration::from_millis(1);
            (put.kind, queue.try_get(), queue.get_timeout(moment), queue.len())
        });
        let (put, get, timed, len) = other.join().expect("no panic");
        assert!(matches!(put, PutErrorKind::Stalled));
        assert!(matches!(get, Err(GetError::Stalled)));
        assert!(matches!(timed, Err(GetError::TimedOut)));
        assert_eq!(len, 3);
    });
    drop(holding);
    assert_eq!(queue.get().expect("an item").len(), 300);
}

/// Who armed the bell without the lock silenced it after the mark had been cleared, and slept on.
#[test]
fn an_item_that_comes_and_goes_while_somebody_arms_the_bell_leaves_it_armed() {
    let queue = queue();
    let mut holding = queue.store.lock(Patience::None).expect("nobody has it");
    std::thread::scope(|scope| {
        let arming = scope.spawn(|| queue.store.arm(Patience::Endless));
        std::thread::sleep(std::time::Duration::from_millis(50));
        holding.add_plain(0, b"").expect("room");
        holding.remove_plain(&mut Vec::new()).expect("an item");
        drop(holding);
        arming.join().expect("no panic").expect("the lock can be had");
    });
    queue.put(0, Vec::new()).expect("room");
    let soon = std::time::Instant::now() + std::time::Duration::from_secs(40);
    crate::sys::poll([queue.store.bell.as_fd()], Some(soon));
    assert!(std::time::Instant::now() < soon, "the bell does not ring");
}
