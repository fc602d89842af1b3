//! Room that is written where the item will lie, and items that are read where they lie.

use std::time::Duration;

use procspawn_core::StartMethod;
use queues::{GetError, PutErrorKind, Queue};

use crate::kinds::{How, Made, ROOM, each_kind, in_form};
use crate::support::{Child, Turn, each_method, only, past, soon, tid, wait_for_thread};
use crate::system::{fork, leave};

each_kind! { made here:
    a_reservation_is_an_item, dropped_it_puts_nothing, too_long, putting_with_an_open_one,
    others_wait_meanwhile, consumers_do_not_wait, no_room_to_reserve, a_reservation_of_nothing,
    what_is_borrowed_stays, a_reference_frees_its_room, a_reference_in_every_form,
    borrowed_by_a_thread_that_ends,
}
each_kind! { made each_method: a_killed_reserver, a_killed_reader }
each_method! { it_crosses }
only! { Fork:
    a_childs_reservation_puts_nothing, a_childs_references_give_nothing_back,
}

/// Reserves, in some form.
macro_rules! reserve {
    ($how:expr, $queue:expr, $len:expr) => {
        in_form!($how, $queue, [reserve try_reserve reserve_timeout reserve_deadline] $len)
    };
}

fn a_reservation_is_an_item<K: Made>() {
    let queue = K::queue::<String>();
    for how in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(past())] {
        let mut room = reserve!(how, queue, 4).unwrap();
        assert_eq!(room.len(), 4);
        room.copy_from_slice(b"\x03abc");
        assert_eq!(&*room, b"\x03abc");
        assert!(queue.is_empty(), "nobody sees it yet");
        room.commit();
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.get().unwrap(), "abc");
    }
}

fn dropped_it_puts_nothing<K: Made>() {
    let queue = K::queue::<u8>();
    queue.put(1).unwrap();
    queue.reserve(100).unwrap().fill(9);
    assert_eq!(queue.len(), 1);
    queue.put(2).unwrap();
    assert_eq!(queue.get_many(9).unwrap(), [1, 2]);
}

fn too_long<K: Made>() {
    let queue = K::queue::<()>();
    for len in [(16 << 20) + 1, 1 << 33, usize::MAX] {
        assert!(matches!(queue.reserve(len).unwrap_err().kind, PutErrorKind::TooLong));
        assert!(matches!(queue.try_reserve(len).unwrap_err().kind, PutErrorKind::TooLong));
    }
    let longest = (1..=16 << 20).rev().step_by(16).find(|&len| queue.try_reserve(len).is_ok());
    let longest = longest.unwrap();
    assert!(longest == 16 << 20 || longest >= 64 * 16 / 2 - 2 * 16 - 16, "{longest}");
    for _ in 0..20 {
        queue.put_bytes(&[1; 40]).unwrap();
        queue.get_bytes().unwrap();
        queue.try_reserve(longest).unwrap().commit();
        assert_eq!(queue.get_ref().unwrap().len(), longest, "wherever the ring stands");
    }
}

fn putting_with_an_open_one<K: Made>() {
    let queue = K::queue::<u8>();
    let room = queue.reserve(1).unwrap();
    let is_reserved = |kind| matches!(kind, PutErrorKind::Reserved);
    for how in [How::Wait, How::Now, How::Until(soon())] {
        let put = in_form!(how, queue, [put try_put put_timeout put_deadline] 1);
        assert!(is_reserved(put.unwrap_err().kind));
        assert!(is_reserved(reserve!(how, queue, 1).unwrap_err().kind));
    }
    assert!(is_reserved(queue.put_bytes(b"x").unwrap_err().kind));
    let error = queue.put_many([1, 2]).unwrap_err();
    assert!(is_reserved(error.kind));
    assert_eq!(error.item, [1, 2]);
    room.commit();
    queue.put(5).unwrap();
    assert_eq!(queue.len(), 2);
}

fn others_wait_meanwhile<K: Made>() {
    let queue = K::queue::<u8>();
    let mut room = queue.reserve(1).unwrap();
    std::thread::scope(|scope| {
        let timed = scope.spawn(|| queue.put_timeout(2, Duration::from_millis(20)).unwrap_err());
        assert!(matches!(timed.join().unwrap().kind, PutErrorKind::TimedOut));
        let (sender, tids) = std::sync::mpsc::channel();
        let queue = &queue;
        let waiter = scope.spawn(move || {
            sender.send(tid()).unwrap();
            queue.put(2).unwrap();
        });
        wait_for_thread(tids.recv().unwrap());
        room[0] = 1;
        room.commit();
        waiter.join().unwrap();
    });
    assert_eq!((queue.get().unwrap(), queue.get().unwrap()), (1, 2));
}

fn consumers_do_not_wait<K: Made>() {
    let queue = K::queue::<u8>();
    queue.put_many([1, 2, 3]).unwrap();
    let room = queue.reserve(10).unwrap();
    assert_eq!((queue.get().unwrap(), queue.len()), (1, 2));
    assert_eq!(queue.get_ref().unwrap().len(), 1);
    assert_eq!(queue.get_leased().unwrap().acknowledge(), 3);
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    let short = Duration::from_millis(80);
    let other = std::thread::scope(|scope| scope.spawn(|| queue.get_timeout(short)).join());
    assert!(matches!(other.unwrap(), Err(GetError::TimedOut)));
    drop(room);
}

fn no_room_to_reserve<K: Made>() {
    let queue = K::queue::<()>();
    while queue.len() < 100 && queue.try_put_bytes(&[1; 20]).is_ok() {}
    let is_bounded = queue.len() < 100;
    let reserved = queue.try_reserve(450).map(drop);
    assert_eq!(reserved.is_err(), is_bounded);
    if is_bounded {
        assert!(matches!(reserved.unwrap_err().kind, PutErrorKind::Full));
        let error = queue.reserve_timeout(400, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error.kind, PutErrorKind::TimedOut));
    }
}

fn a_reservation_of_nothing<K: Made>() {
    let queue = K::queue::<()>();
    let room = queue.reserve(0).unwrap();
    assert!(room.is_empty());
    room.commit();
    queue.get().unwrap();
}

fn what_is_borrowed_stays<K: Made>() {
    let queue = K::queue::<()>();
    queue.put_bytes(&[1; 40]).unwrap();
    let item = queue.get_ref().unwrap();
    for number in 0..500 {
        queue.put_bytes(&[2; 24]).unwrap();
        assert_eq!(*queue.get_bytes().unwrap(), [2; 24]);
        assert_eq!(*item, [1; 40], "after {number}");
        if number == 20 {
            // In a ring of 64 units, this is as far as it goes.
            break;
        }
    }
}

fn a_reference_frees_its_room<K: Made>() {
    let queue = K::queue::<()>();
    for round in 0..1000_usize {
        let items = [round % 7 * 10, round % 11, 100];
        items.iter().for_each(|&len| queue.try_put_bytes(&vec![3; len]).unwrap());
        let references = items.map(|_| queue.get_ref().unwrap());
        assert_eq!(references.each_ref().map(|item| item.len()), items);
    }
    while queue.len() < ROOM {
        queue.try_put_bytes(b"x").unwrap();
    }
}

fn a_reference_in_every_form<K: Made>() {
    let queue = K::queue::<u8>();
    for how in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(past())] {
        queue.put(4).unwrap();
        let item = in_form!(how, queue, [get_ref try_get_ref get_ref_timeout get_ref_deadline]);
        assert_eq!(item.unwrap().decode().unwrap(), 4, "{how:?}");
    }
    assert!(matches!(queue.try_get_ref(), Err(GetError::Empty)));
    assert!(matches!(queue.get_ref_timeout(Duration::ZERO), Err(GetError::TimedOut)));
    assert!(matches!(queue.get_ref_deadline(past()), Err(GetError::TimedOut)));
}

/// The item died with its thread, and its room is free.
fn borrowed_by_a_thread_that_ends<K: Made>() {
    let queue = K::queue::<()>();
    for _ in 0..300 {
        queue.try_put_bytes(&[1; 50]).unwrap();
        std::thread::scope(|scope| {
            let leak = || std::mem::forget(queue.get_ref().unwrap());
            // A scope ends with what its threads do; their locks are free when they are gone.
            scope.spawn(leak).join().unwrap();
        });
    }
    assert!(queue.is_empty());
}

fn a_killed_reserver<K: Made>(method: StartMethod) {
    let queue = K::queue::<u8>();
    queue.put(1).unwrap();
    let reserve = |queue: Queue<u8>, mut turn: Turn| {
        queue.reserve(50).unwrap().fill(8);
        let _room = queue.reserve(60).unwrap();
        turn.pass();
    };
    let child: Child<()> = Child::ready(method, &queue, reserve);
    let waiter = std::thread::spawn({
        let queue = queue.clone();
        move || queue.put(2).unwrap()
    });
    child.kill();
    waiter.join().unwrap();
    assert_eq!(queue.get_many(9).unwrap(), [1, 2]);
    assert!(queue.is_empty());
}

fn a_killed_reader<K: Made>(method: StartMethod) {
    let queue = K::queue::<()>();
    for _ in 0..5 {
        queue.try_put_bytes(&[1; 100]).unwrap();
        let read = |queue: Queue<()>, mut turn: Turn| {
            let item = queue.get_ref().unwrap();
            turn.pass();
            drop(item);
        };
        Child::<()>::ready(method, &queue, read).kill();
        assert!(queue.is_empty(), "it was taken, and died with the one who took it");
    }
    // All its room is free.
    assert!((0..5).all(|_| queue.try_put_bytes(&[2; 100]).is_ok()));
}

fn it_crosses(method: StartMethod) {
    let queue = Queue::<()>::bounded(3).unwrap();
    let reserve = |queue: Queue<()>, _: Turn| {
        for number in 0..100_usize {
            let mut room = queue.reserve(number * 50).unwrap();
            room.fill(number as u8);
            room.commit();
        }
    };
    let mut child: Child<()> = Child::start(method, &queue, reserve);
    for number in 0..100_usize {
        assert_eq!(*queue.get_ref().unwrap(), vec![number as u8; number * 50]);
    }
    child.join();
}

/// The lock, and so the room, is its parent's.
fn a_childs_reservation_puts_nothing(_: StartMethod) {
    let queue = Queue::<()>::unbounded().unwrap();
    for commits in [true, false] {
        let mut room = queue.reserve(3).unwrap();
        room.copy_from_slice(b"abc");
        let Some(child) = fork() else {
            if commits {
                room.commit();
            } else {
                drop(room);
            }
            assert!(queue.put_timeout((), Duration::from_millis(20)).unwrap_err().is_full());
            leave(0)
        };
        child.join();
        assert!(queue.is_empty(), "commits: {commits}");
        room.commit();
        assert_eq!(queue.get_bytes().unwrap(), b"abc");
        assert!(queue.is_empty());
    }
}

fn a_childs_references_give_nothing_back(_: StartMethod) {
    let queue = Queue::bounded_bytes(64 * 16).unwrap();
    queue.put("borrowed".to_string()).unwrap();
    queue.put("leased".to_string()).unwrap();
    queue.put("acknowledged".to_string()).unwrap();
    let borrowed = queue.get_ref().unwrap();
    let (leased, other) = (queue.get_leased().unwrap(), queue.get_leased().unwrap());
    let Some(child) = fork() else {
        assert_eq!(other.acknowledge(), "acknowledged");
        drop((borrowed, leased));
        assert!(queue.is_empty());
        // Nor is its room given back.
        while queue.try_put("x".repeat(30)).is_ok() {}
        leave(0)
    };
    child.join();
    assert_eq!(&borrowed[1..], b"borrowed");
    assert_eq!((leased.as_str(), leased.deliveries()), ("leased", 1));
    drop(other);
    assert_eq!(queue.get().unwrap(), "acknowledged", "it has come back only now");
    assert_eq!(leased.acknowledge(), "leased");
}
