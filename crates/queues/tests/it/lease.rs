//! Items that go back to their queue unless they are acknowledged.

use std::time::Duration;

use procspawn_core::StartMethod;
use queues::{GetError, PutErrorKind, Queue, Receiver};

use crate::kinds::{How, Made, ROOM, each_kind, in_form};
use crate::support::{Child, Turn, each_method, in_time, past, soon, tid, wait_for_thread};

each_kind! { made here:
    acknowledged_it_is_gone, dropped_it_comes_again, a_lease_in_every_form, returned_ones_come_first,
    returned_to_one_who_waits, by_a_thread_that_ends, as_many_as_a_thread_can_hold,
    as_many_as_there_can_be, the_stream_waits_for_a_lease, the_stream_does_not_wait_for_our_own,
    a_lease_keeps_its_room, returned_while_another_reserves, returned_as_bytes_or_reference,
}
each_kind! { made each_method:
    a_killed_consumer, a_killed_consumer_and_one_who_waits, the_stream_waits_for_another_process,
    killed_again_and_again,
}
each_method! { every_item_is_done_at_least_once }

fn acknowledged_it_is_gone<K: Made>() {
    let queue = K::queue();
    queue.put("done".to_string()).unwrap();
    let lease = queue.get_leased().unwrap();
    assert_eq!((lease.as_str(), lease.deliveries()), ("done", 1));
    assert_eq!((queue.len(), queue.is_empty()), (0, true));
    assert_eq!(lease.acknowledge(), "done");
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
}

fn dropped_it_comes_again<K: Made>() {
    let queue = K::queue();
    queue.put(5).unwrap();
    for deliveries in 1..200 {
        assert_eq!((queue.len(), queue.is_empty()), (1, false));
        let lease = queue.get_leased().unwrap();
        assert_eq!((*lease, lease.deliveries()), (5, deliveries));
    }
    assert_eq!(queue.get().unwrap(), 5);
    assert!(queue.is_empty());
}

fn a_lease_in_every_form<K: Made>() {
    let queue = K::queue::<u8>();
    for how in [How::Wait, How::Now, How::For(Duration::MAX), How::Until(past())] {
        queue.put(4).unwrap();
        let lease = in_form!(how, queue,
            [get_leased try_get_leased get_leased_timeout get_leased_deadline]);
        assert_eq!(lease.unwrap().acknowledge(), 4, "{how:?}");
    }
    assert!(matches!(queue.try_get_leased(), Err(GetError::Empty)));
    assert!(matches!(queue.get_leased_timeout(Duration::ZERO), Err(GetError::TimedOut)));
    assert!(matches!(queue.get_leased_deadline(past()), Err(GetError::TimedOut)));
}

fn returned_ones_come_first<K: Made>() {
    let queue = K::queue();
    queue.put_many(1..=5).unwrap();
    let one = queue.get_leased().unwrap();
    let two = queue.get_leased().unwrap();
    drop(one);
    assert_eq!(queue.len(), 4);
    assert_eq!(queue.get().unwrap(), 1);
    drop(two);
    let mut rest = Vec::new();
    while rest.len() < 4 {
        rest.extend(queue.get_many(9).unwrap());
    }
    assert_eq!(rest, [2, 3, 4, 5]);
}

fn returned_as_bytes_or_reference<K: Made>() {
    let queue = K::queue::<String>();
    for _ in 0..2 {
        queue.put("text".to_string()).unwrap();
        drop(queue.get_leased().unwrap());
        assert_eq!(queue.get_bytes().unwrap(), b"\x04text");
        queue.put("text".to_string()).unwrap();
        drop(queue.get_leased().unwrap());
        assert_eq!(*queue.get_ref().unwrap(), *b"\x04text");
        assert!(queue.is_empty());
    }
}

/// Has another thread wait in `get`, and gives what it got.
fn waiter<'scope, 'env>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    queue: &'env Queue<u8>,
) -> std::thread::ScopedJoinHandle<'scope, Result<u8, GetError>> {
    let (sender, tids) = std::sync::mpsc::channel();
    let waiter = scope.spawn(move || {
        sender.send(tid()).unwrap();
        in_time(|deadline| queue.get_deadline(deadline))
    });
    wait_for_thread(tids.recv().unwrap());
    waiter
}

fn returned_to_one_who_waits<K: Made>() {
    let queue = K::queue::<u8>();
    queue.put(3).unwrap();
    let lease = queue.get_leased().unwrap();
    std::thread::scope(|scope| {
        let waiter = waiter(scope, &queue);
        drop(lease);
        assert_eq!(waiter.join().unwrap().unwrap(), 3);
    });
}

/// One who makes ready to sleep takes the producers' lock, and must not miss what comes meanwhile.
fn returned_while_another_reserves<K: Made>() {
    let queue = K::queue::<u8>();
    queue.put(3).unwrap();
    let lease = queue.get_leased().unwrap();
    let room = queue.reserve(5).unwrap();
    std::thread::scope(|scope| {
        let waiter = waiter(scope, &queue);
        // For longer than it naps.
        std::thread::sleep(Duration::from_millis(120));
        drop(lease);
        assert_eq!(waiter.join().unwrap().unwrap(), 3);
    });
    drop(room);
}

fn by_a_thread_that_ends<K: Made>() {
    let queue = K::queue::<u8>();
    queue.put(3).unwrap();
    std::thread::scope(|scope| {
        let leak = || std::mem::forget(queue.get_leased().unwrap());
        let thread = scope.spawn(leak);
        thread.join().unwrap();
    });
    let again = queue.get_leased_deadline(soon()).unwrap();
    assert_eq!((*again, again.deliveries()), (3, 2));
}

/// A thread holds 64 locks; to take an item it needs that of the consumers for a moment.
fn as_many_as_a_thread_can_hold<K: Made>() {
    let (queue, other) = (K::queue::<u8>(), K::queue::<u8>());
    for queue in [&queue, &other] {
        queue.put_many(0..40).unwrap();
    }
    let mut leases = Vec::new();
    let error = loop {
        let next = if leases.len() % 2 == 0 { &queue } else { &other };
        match next.get_leased() {
            Ok(lease) => leases.push(lease),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, GetError::TooManyHeld), "{error}");
    assert_eq!(leases.len(), 63);
    assert_eq!(queue.len() + other.len(), 80 - 63);
    assert!(matches!(queue.get_ref().unwrap_err(), GetError::TooManyHeld));
    queue.put(40).unwrap();
    // Two more, as those who take items of joinable queues hold a lock for what they owe.
    leases.truncate(60);
    assert!(queue.get().is_ok() && other.get().is_ok());
    let done: Vec<_> = leases.into_iter().map(queues::Leased::acknowledge).collect();
    assert_eq!(done.len(), 60);
    assert_eq!(queue.len() + other.len(), 81 - 60 - 2, "each was done or is there");
}

fn as_many_as_there_can_be<K: Made>() {
    let queue = K::queue::<()>();
    let (held, go) = (std::sync::Barrier::new(4), std::sync::Barrier::new(4));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let lease = || {
                    queue.put(()).unwrap();
                    queue.get_leased_deadline(soon()).unwrap()
                };
                // In the smallest ring there is no room for all.
                let count = if is_small(&queue) { 19 } else { 40 };
                let leases: Vec<_> = (0..count).map(|_| lease()).collect();
                held.wait();
                go.wait();
                leases.into_iter().for_each(|lease| lease.acknowledge());
            });
        }
        held.wait();
        if !is_small(&queue) {
            queue.put(()).unwrap();
            assert!(matches!(queue.get_leased().unwrap_err(), GetError::TooManyOut));
            assert!(matches!(queue.get_ref().unwrap_err(), GetError::TooManyOut));
        }
        go.wait();
    });
    let count = queue.len();
    (0..count).for_each(|_| queue.get_leased().unwrap().acknowledge());
    assert!(queue.is_empty());
}

/// True for the one that is bounded by bytes: what is leased takes room.
fn is_small<T>(queue: &Queue<T>) -> bool {
    let too_long = |error: queues::PutError<()>| matches!(error.kind, PutErrorKind::TooLong);
    queue.capacity().is_none() && queue.try_reserve(1 << 16).is_err_and(too_long)
}

fn the_stream_waits_for_a_lease<K: Made>() {
    for comes_back in [true, false] {
        let queue = K::queue::<u8>();
        queue.put(3).unwrap();
        let lease = queue.get_leased().unwrap();
        queue.close();
        std::thread::scope(|scope| {
            let waiter = waiter(scope, &queue);
            assert!(!waiter.is_finished());
            if comes_back {
                drop(lease)
            } else {
                assert_eq!(lease.acknowledge(), 3)
            }
            let got = waiter.join().unwrap();
            assert_eq!(got.is_ok(), comes_back);
            assert!(matches!(got, Ok(3) | Err(GetError::Disconnected)));
        });
        assert!(matches!(queue.get(), Err(GetError::Disconnected)));
    }
}

/// Or it would wait for itself.
fn the_stream_does_not_wait_for_our_own<K: Made>() {
    let (sender, receiver) = K::queue::<u8>().split();
    sender.put(3).unwrap();
    drop(sender);
    let lease = receiver.get_leased().unwrap();
    assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
    drop(lease);
    assert_eq!(receiver.get().unwrap(), 3);
    assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
}

fn a_lease_keeps_its_room<K: Made>() {
    let queue = K::queue::<Vec<u8>>();
    queue.put(vec![1; 50]).unwrap();
    let lease = queue.get_leased().unwrap();
    for number in 0..10 {
        queue.put(vec![number; 20]).unwrap();
        assert_eq!(queue.get().unwrap(), [number; 20]);
    }
    drop(lease);
    assert_eq!(queue.get().unwrap(), [1; 50]);
    for number in 0..ROOM as u8 {
        queue.try_put(vec![number; 7]).unwrap();
    }
}

/// Takes an item on lease and waits.
fn lease_and_wait(queue: Queue<u8>, mut turn: Turn) {
    let lease = queue.get_leased().unwrap();
    turn.pass();
    lease.acknowledge();
}

fn a_killed_consumer<K: Made>(method: StartMethod) {
    let queue = K::queue::<u8>();
    queue.put_many([1, 2]).unwrap();
    let consumer: Child<()> = Child::ready(method, &queue, lease_and_wait);
    assert_eq!(queue.len(), 1);
    consumer.kill();
    assert_eq!(queue.len(), 2);
    let again = queue.get_leased().unwrap();
    assert_eq!((*again, again.deliveries()), (1, 2));
    assert_eq!(again.acknowledge(), 1);
    assert_eq!(queue.get().unwrap(), 2);
}

fn a_killed_consumer_and_one_who_waits<K: Made>(method: StartMethod) {
    let queue = K::queue::<u8>();
    queue.put(1).unwrap();
    let consumer: Child<()> = Child::ready(method, &queue, lease_and_wait);
    std::thread::scope(|scope| {
        let waiter = waiter(scope, &queue);
        consumer.kill();
        assert_eq!(waiter.join().unwrap().unwrap(), 1);
    });
    // One that has fallen asleep before the item was leased, too.
    let waits = |queue: Queue<u8>, mut turn: Turn| {
        turn.ready();
        in_time(|deadline| queue.get_deadline(deadline)).unwrap()
    };
    let mut first: Child<u8> = Child::start(method, &queue, waits);
    first.wait_asleep();
    let consumer: Child<()> = Child::start(method, &queue, lease_and_wait);
    queue.put(2).unwrap();
    queue.put(3).unwrap();
    let mut got = vec![first.join()];
    let mut consumer = consumer;
    consumer.wait_ready();
    let mut second: Child<u8> = Child::start(method, &queue, waits);
    second.wait_ready();
    consumer.kill();
    got.push(second.join());
    got.sort_unstable();
    assert_eq!(got, [2, 3]);
}

fn the_stream_waits_for_another_process<K: Made>(method: StartMethod) {
    for killed in [true, false] {
        let queue = K::queue::<u8>();
        queue.put(1).unwrap();
        let consumer: Child<()> = Child::ready(method, &queue, lease_and_wait);
        queue.close();
        std::thread::scope(|scope| {
            let waiter = waiter(scope, &queue);
            if killed {
                consumer.kill()
            } else {
                consumer.end()
            }
            match waiter.join().unwrap() {
                Ok(1) => assert!(killed),
                Err(GetError::Disconnected) => assert!(!killed),
                other => panic!("{other:?}"),
            }
        });
    }
}

fn killed_again_and_again<K: Made>(method: StartMethod) {
    let queue = K::queue::<u8>();
    queue.put(9).unwrap();
    for _ in 0..3 {
        Child::<()>::ready(method, &queue, lease_and_wait).kill();
    }
    let lease = queue.get_leased().unwrap();
    assert_eq!((*lease, lease.deliveries()), (9, 4));
}

/// Workers die in the middle of their work, and nothing stays undone.
fn every_item_is_done_at_least_once(method: StartMethod) {
    const ALL: u32 = 300;
    let (sender, receiver) = Queue::bounded(1000).unwrap().split();
    sender.put_many(0..ALL).unwrap();
    drop(sender);
    let done = Queue::<u32>::unbounded().unwrap();
    let shared = (receiver, done.clone());
    let work = |(receiver, done): (Receiver<u32>, Queue<u32>), mut turn: Turn| {
        for count in 0.. {
            let Ok(lease) = receiver.get_leased() else { return };
            done.put(*lease).unwrap();
            if count == 20 {
                turn.pass();
            }
            lease.acknowledge();
        }
    };
    for _ in 0..5 {
        Child::<()>::ready(method, &shared, work).kill();
    }
    let mut last: Child<()> = Child::ready(method, &shared, work);
    last.go();
    last.join();
    let mut numbers = Vec::new();
    while let Ok(some) = done.try_get_many(1000) {
        numbers.extend(some);
    }
    numbers.sort_unstable();
    let all = numbers.len();
    numbers.dedup();
    assert_eq!(numbers, Vec::from_iter(0..ALL));
    assert_eq!(all - numbers.len(), 5, "what each of the dead had on lease was done again");
}
