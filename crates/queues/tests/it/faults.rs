//! Processes that are killed or stopped in the middle of things, memory that runs out, and many who
//! come and go.

use std::time::{Duration, Instant};

use ipc_pipe::Bytes;
use procspawn_core::StartMethod;
use queues::{GetError, JoinableQueue, PutErrorKind, Queue, Receiver, Sender};

use crate::kinds::{Made, each_kind};
use crate::support::{Child, Turn, each_method, in_time, only, soon};
use crate::system::{bytes_of_queues, ignore_limit_of_files, limit_files, refuse_memory_beyond};

each_kind! { made each_method: a_stopped_producer, a_stopped_consumer }
each_kind! { made spawn: killed_in_a_storm, consumers_killed_in_a_storm }
each_method! { killed_while_many_wait, a_stopped_process_that_owes }
only! { Spawn:
    no_memory_to_grow, no_memory_for_a_long_item, no_memory_to_reserve, no_memory_to_make,
    memory_set_aside_is_enough,
}
only! { Fork: hundreds_of_processes_in_turn }

/// Stops the process that runs this, in the middle of a put.
fn reserve_and_wait(queue: Queue<u8>, mut turn: Turn) {
    let mut room = queue.reserve(1).unwrap();
    turn.pass();
    room[0] = 9;
    room.commit();
}

fn a_stopped_producer<K: Made>(method: StartMethod) {
    let queue = K::queue::<u8>();
    queue.put_many([1, 2, 3]).unwrap();
    let child: Child<()> = Child::ready(method, &queue, reserve_and_wait);
    child.stop();
    let short = Duration::from_millis(20);
    assert!(matches!(queue.put_timeout(4, short).unwrap_err().kind, PutErrorKind::TimedOut));
    let before = Instant::now();
    assert!(matches!(queue.try_put(4).unwrap_err().kind, PutErrorKind::Stalled));
    assert!(before.elapsed() >= Duration::from_millis(900), "it waits for a second");
    // The other side goes on, also when there is nothing.
    assert_eq!((queue.len(), queue.get().unwrap()), (3, 1));
    assert_eq!(queue.get_many(9).unwrap(), [2, 3]);
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(matches!(queue.get_timeout(4 * short), Err(GetError::TimedOut)));
    child.resume();
    child.end();
    queue.try_put(4).unwrap();
    assert_eq!((queue.get().unwrap(), queue.get().unwrap()), (9, 4));
}

/// It holds no lock of the queue: the others go on, only its item does not.
fn a_stopped_consumer<K: Made>(method: StartMethod) {
    let queue = K::queue::<u8>();
    queue.put_many([1, 2]).unwrap();
    let lease = |queue: Queue<u8>, mut turn: Turn| {
        let lease = queue.get_leased().unwrap();
        turn.pass();
        lease.acknowledge()
    };
    let child: Child<u8> = Child::ready(method, &queue, lease);
    child.stop();
    assert_eq!(queue.get().unwrap(), 2);
    queue.put(3).unwrap();
    assert_eq!(queue.get().unwrap(), 3);
    assert!(queue.is_empty());
    child.resume();
    assert_eq!(child.end(), 1);
}

fn a_stopped_process_that_owes(method: StartMethod) {
    let queue = JoinableQueue::unbounded().unwrap();
    queue.put(1).unwrap();
    let take = |queue: JoinableQueue<u8>, mut turn: Turn| {
        queue.get().unwrap();
        turn.pass();
        queue.task_done().unwrap();
    };
    let child: Child<()> = Child::ready(method, &queue, take);
    child.stop();
    let short = Duration::from_millis(20);
    assert!(matches!(queue.join_timeout(short), Err(queues::JoinError::TimedOut)));
    child.resume();
    child.end();
    queue.join().unwrap();
}

/// An item that tells whether it is whole, of this length.
fn whole(number: u32, len: usize) -> (u32, Vec<u8>) {
    (number, vec![number as u8; len])
}

/// Producers die at any instruction, and leave whole items in their order.
fn killed_in_a_storm<K: Made>(method: StartMethod) {
    let queue = K::queue::<(u32, u32, Vec<u8>)>();
    let storm = |queue: Queue<(u32, u32, Vec<u8>)>, mut turn: Turn| {
        turn.ready();
        let own = std::process::id();
        for number in 0.. {
            let (number, bytes) = whole(number, number as usize * 7 % 300);
            queue.put((own, number, bytes)).unwrap();
        }
    };
    let mut next = std::collections::HashMap::new();
    let mut check = |(pid, number, bytes): (u32, u32, Vec<u8>)| {
        assert_eq!((number, bytes.clone()), whole(number, bytes.len()));
        assert_eq!(bytes.len(), number as usize * 7 % 300);
        let expected = next.insert(pid, number + 1).unwrap_or(0);
        assert_eq!(number, expected, "of {pid}");
    };
    for round in 0..8 {
        let children: [Child<()>; 2] = [(); 2].map(|()| Child::ready(method, &queue, storm));
        for _ in 0..100 + round * 37 {
            check(in_time(|deadline| queue.get_deadline(deadline)).unwrap());
        }
        children.into_iter().for_each(Child::kill);
        while let Ok(item) = queue.try_get() {
            check(item);
        }
        assert_eq!(queue.len(), 0);
    }
}

/// Each of the dead took at most one item with it.
fn consumers_killed_in_a_storm<K: Made>(method: StartMethod) {
    let queue = K::queue::<u32>();
    let counts = Queue::<u32>::unbounded().unwrap();
    let shared = (queue.clone(), counts.clone());
    let consume = |(queue, counts): (Queue<u32>, Queue<u32>), mut turn: Turn| {
        turn.ready();
        while let Ok(number) = queue.get() {
            counts.put(number).unwrap();
        }
    };
    let mut put = 0;
    for _ in 0..8 {
        let victim: Child<()> = Child::ready(method, &shared, consume);
        for _ in 0..200 {
            in_time(|deadline| queue.put_deadline(put, deadline)).unwrap();
            put += 1;
        }
        victim.kill();
    }
    let mut got: Vec<u32> = Vec::new();
    while let Ok(number) = queue.try_get() {
        got.push(number);
    }
    while let Ok(some) = counts.try_get_many(100) {
        got.extend(some);
    }
    got.sort_unstable();
    let all = got.len();
    got.dedup();
    assert_eq!(all, got.len(), "nothing comes twice");
    assert!(put as usize - all <= 8, "{} of {put} items are lost", put as usize - all);
}

fn killed_while_many_wait(method: StartMethod) {
    let (sender, receiver) = Queue::<u32>::bounded(1).unwrap().split();
    let consume = |receiver: Receiver<u32>, mut turn: Turn| {
        turn.ready();
        receiver.get().unwrap()
    };
    let mut waiters: Vec<Child<u32>> =
        (0..4).map(|_| Child::start(method, &receiver, consume)).collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    waiters.remove(2).kill();
    waiters.remove(0).kill();
    in_time(|deadline| sender.put_many_deadline([1, 2], deadline)).unwrap();
    let mut got: Vec<_> = waiters.iter_mut().map(Child::join).collect();
    got.sort_unstable();
    assert_eq!(got, [1, 2]);

    sender.put(3).unwrap();
    let produce = |sender: Sender<u32>, mut turn: Turn| {
        turn.ready();
        sender.put(4).unwrap();
    };
    let mut waiters: Vec<Child<()>> =
        (0..3).map(|_| Child::start(method, &sender, produce)).collect();
    waiters.iter_mut().for_each(Child::wait_asleep);
    waiters.remove(1).kill();
    let got = [(); 3].map(|()| in_time(|deadline| receiver.get_deadline(deadline)).unwrap());
    assert_eq!(got, [3, 4, 4]);
    waiters.iter_mut().for_each(Child::join);
    assert!(receiver.is_empty());
}

/// It is used to the end, and nothing that is there is lost.
fn no_memory_to_grow(_: StartMethod) {
    refuse_memory_beyond(3 << 20);
    let queue = Queue::<(u32, Vec<u8>)>::unbounded().unwrap();
    for round in 0..3 {
        let refused = (0..).find_map(|number| queue.put(whole(number, 1000)).err()).unwrap();
        assert!(matches!(refused.kind, PutErrorKind::OutOfMemory), "{refused}");
        let count = refused.item.0;
        assert_eq!(queue.len(), count as usize);
        assert!(count >= 2900, "round {round}: {count} kilobytes of 3072");
        assert_eq!(queue.get().unwrap(), whole(0, 1000));
        let waits = queue.put_timeout(whole(0, 100_000), Duration::from_millis(1)).unwrap_err();
        assert!(matches!(waits.kind, PutErrorKind::OutOfMemory));
        for number in 1..count {
            assert_eq!(queue.get().unwrap(), whole(number, 1000));
        }
    }
}

/// Files of this process end here.
fn out_of_memory_at(bytes: u64) {
    ignore_limit_of_files();
    limit_files(Some(bytes));
}

fn no_memory_for_a_long_item(_: StartMethod) {
    let queue = Queue::<Bytes>::bounded(2).unwrap();
    let item = Bytes::from(vec![1; 20 << 20]);
    out_of_memory_at(1 << 20);
    let error = queue.put(item).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::OutOfMemory), "{error}");
    assert!(queue.put_bytes(&[1; 17 << 20]).is_err());
    queue.put(Bytes::from(vec![2; 10])).unwrap();
    assert_eq!(queue.get().unwrap()[..], [2; 10]);
    limit_files(None);
    queue.put(error.into_item()).unwrap();
    assert_eq!(queue.get().unwrap().len(), 20 << 20);
}

fn no_memory_to_reserve(_: StartMethod) {
    refuse_memory_beyond(1 << 20);
    let queue = Queue::<()>::unbounded().unwrap();
    let refused = queue.reserve(2 << 20).map(drop).unwrap_err();
    assert!(matches!(refused.kind, PutErrorKind::OutOfMemory));
    let refused = queue.put_bytes(&[0; 2 << 20]).unwrap_err();
    assert!(matches!(refused.kind, PutErrorKind::OutOfMemory));
    queue.reserve(900 << 10).unwrap().commit();
    assert_eq!(queue.get_bytes().unwrap().len(), 900 << 10);
}

fn no_memory_to_make(_: StartMethod) {
    out_of_memory_at(16 << 10);
    assert!(Queue::<u8>::bounded(10).is_err());
    assert!(Queue::<u8>::bounded_bytes(1 << 20).is_err());
    limit_files(None);
    Queue::<u8>::bounded(10).unwrap().put(1).unwrap();
}

/// Putting into a queue that is bounded by bytes needs no more memory.
fn memory_set_aside_is_enough(_: StartMethod) {
    let queue = Queue::<Vec<u8>>::bounded_bytes(1 << 20).unwrap();
    out_of_memory_at(1 << 10);
    refuse_memory_beyond(1 << 10);
    for round in 0..5 {
        let refused = (0..).find_map(|_| queue.try_put(vec![round; 990]).err()).unwrap();
        assert!(matches!(refused.kind, PutErrorKind::Full), "{refused}");
        let count = queue.len();
        assert!(count >= 1000, "{count} items of 1000 bytes");
        (0..count).for_each(|_| assert_eq!(queue.get().unwrap(), vec![round; 990]));
    }
    assert!(bytes_of_queues() >= 1 << 20);
}

fn hundreds_of_processes_in_turn(method: StartMethod) {
    let queue = Queue::<u32>::bounded(8).unwrap();
    let before = bytes_of_queues();
    let visit = |queue: Queue<u32>, _: Turn| {
        let number = queue.get().unwrap();
        queue.put(number + 1).unwrap();
    };
    queue.put(0).unwrap();
    for _ in 0..300 {
        Child::<()>::start(method, &queue, visit).join();
    }
    assert_eq!(queue.get().unwrap(), 300);
    assert_eq!(bytes_of_queues(), before);
}

/// 100,000 senders, each for one item.
#[test]
fn producers_come_and_go() {
    const EACH: u32 = 25_000;
    let (sender, receiver) = Queue::<u32>::bounded(64).unwrap().split();
    let threads = [(); 4].map(|()| {
        let sender = sender.clone();
        std::thread::spawn(move || {
            (0..EACH).for_each(|number| sender.clone().put(number).unwrap());
        })
    });
    drop(sender);
    let sum: u64 = receiver.iter().map(|number| u64::from(number.unwrap())).sum();
    assert_eq!(sum, 4 * u64::from(EACH) * u64::from(EACH - 1) / 2);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Senders that each have a descriptor of their own, as those of other processes do.
#[test]
fn senders_that_were_sent_come_and_go() {
    let (sender, receiver) = Queue::<u32>::unbounded().unwrap().split();
    let carrier = Queue::<Sender<u32>>::unbounded().unwrap();
    for number in 0..5_000 {
        carrier.put(sender.clone()).unwrap();
        carrier.get().unwrap().put(number).unwrap();
        assert_eq!(receiver.get_deadline(soon()).unwrap(), number);
    }
    carrier.put(sender).unwrap();
    assert!(matches!(receiver.try_get(), Err(GetError::Empty)));
    carrier.shutdown().unwrap();
    assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
}

#[test]
fn threads_come_and_go() {
    let queue = Queue::<u32>::bounded(8).unwrap();
    for number in 0..2_000 {
        let other = queue.clone();
        std::thread::spawn(move || other.put(number).unwrap()).join().unwrap();
        assert_eq!(queue.get().unwrap(), number);
    }
}
