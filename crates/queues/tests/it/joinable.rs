//! Waiting until everything is done, and what becomes of items whose consumer died.

use std::time::{Duration, Instant};

use procspawn_core::StartMethod;
use queues::{JoinError, JoinableQueue, Queue};

use crate::kinds::{How, in_form};
use crate::support::{Child, Turn, each_method, in_time, only, past, soon, tid, wait_for_thread};

each_method! {
    four_workers, a_consumer_dies_with_items, a_consumer_dies_while_join_waits,
    a_consumer_takes_and_dies_while_join_waits, a_leasing_consumer_dies, done_by_another_process,
    a_joiner_in_another_process, many_dead_consumers,
}
only! { Spawn: a_worker_per_item_dies }

/// Joins, in some form.
macro_rules! join {
    ($how:expr, $queue:expr) => {
        in_form!($how, $queue, [join try_join join_timeout join_deadline])
    };
}

/// The forms that end although something is not done.
fn hasty() -> [How; 4] {
    let soon = Instant::now() + Duration::from_millis(5);
    [How::Now, How::For(Duration::ZERO), How::Until(past()), How::Until(soon)]
}

fn has_died(result: Result<(), JoinError>) -> (u32, u32) {
    match result {
        Err(JoinError::ConsumerDied { pid, items }) => (pid, items),
        other => panic!("{other:?}"),
    }
}

/// Has another thread join, and returns when it waits.
fn joiner<'scope, 'env>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    queue: &'env JoinableQueue<u32>,
) -> std::thread::ScopedJoinHandle<'scope, Result<(), JoinError>> {
    let (sender, tids) = std::sync::mpsc::channel();
    let joiner = scope.spawn(move || {
        sender.send(tid()).unwrap();
        in_time(|deadline| queue.join_deadline(deadline))
    });
    wait_for_thread(tids.recv().unwrap());
    joiner
}

#[test]
fn nothing_was_put() {
    let queue = JoinableQueue::<u8>::bounded(3).unwrap();
    for how in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(past())] {
        join!(how, queue).unwrap();
    }
    assert!(queue.task_done().is_err());
}

#[test]
fn join_in_every_form() {
    let queue = JoinableQueue::bounded_bytes(1 << 10).unwrap();
    queue.put(1).unwrap();
    let refused = |state: &str| {
        for how in hasty() {
            assert!(matches!(join!(how, queue), Err(JoinError::TimedOut)), "{state}, {how:?}");
        }
    };
    refused("queued");
    assert_eq!((queue.get().unwrap(), queue.unfinished()), (1, 1));
    refused("taken");
    queue.task_done().unwrap();
    for how in [How::Wait, How::Now, How::For(Duration::MAX), How::Until(past())] {
        join!(how, queue).unwrap();
    }
}

#[test]
fn done_once_too_often() {
    let queue = JoinableQueue::unbounded().unwrap();
    assert!(queue.task_done().is_err());
    queue.put_many(0..3).unwrap();
    assert!(queue.task_done().is_err(), "none has been taken");
    for _ in 0..3 {
        queue.get().unwrap();
        queue.task_done().unwrap();
        let error = queue.task_done().unwrap_err();
        assert!(error.to_string().contains("more often"), "{error}");
    }
    queue.join().unwrap();
}

#[test]
fn done_all_at_the_end() {
    let queue = JoinableQueue::bounded(500).unwrap();
    queue.put_many(0..500).unwrap();
    let mut got = 0;
    while got < 500 {
        got += queue.get_many(30).unwrap().len();
        assert_eq!(queue.unfinished(), 500);
    }
    (0..500).for_each(|_| queue.task_done().unwrap());
    assert!(queue.task_done().is_err());
    queue.join().unwrap();
}

#[test]
fn done_by_another_thread() {
    let queue = JoinableQueue::unbounded().unwrap();
    queue.put_many(0..2).unwrap();
    queue.get_many(2).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            queue.task_done().unwrap();
            queue.task_done().unwrap();
            assert!(queue.task_done().is_err());
        });
    });
    queue.join().unwrap();
    queue.put(2).unwrap();
    queue.get().unwrap();
    queue.task_done().unwrap();
    queue.join().unwrap();
}

#[test]
fn every_way_to_take_an_item_counts() {
    let queue = JoinableQueue::<Vec<u8>>::unbounded().unwrap();
    let mut buffer = Vec::new();
    for len in [3, 100_000, 17 << 20] {
        (0..5).for_each(|_| queue.put_bytes(&vec![1; len]).unwrap());
        drop(queue.get());
        queue.get_bytes().unwrap();
        queue.get_bytes_into(&mut buffer).unwrap();
        drop(queue.get_ref().unwrap());
        drop(queue.get_many(1));
        let owed = queue.unfinished();
        assert!(owed == 3 || owed == 5, "{owed}: ones of the wrong type are owed by nobody");
        (0..owed).for_each(|_| queue.task_done().unwrap());
        assert!(queue.task_done().is_err());
        queue.join().unwrap();
    }
}

#[test]
fn a_lease_is_done_when_it_is_acknowledged() {
    let queue = JoinableQueue::unbounded().unwrap();
    queue.put(1_u32).unwrap();
    let lease = queue.get_leased().unwrap();
    assert!(queue.task_done().is_err(), "a lease is none of its business");
    assert!(matches!(queue.try_join(), Err(JoinError::TimedOut)));
    drop(lease);
    assert_eq!(queue.unfinished(), 1);
    std::thread::scope(|scope| {
        let joiner = joiner(scope, &queue);
        queue.get_leased().unwrap().acknowledge();
        joiner.join().unwrap().unwrap();
    });
    // One that came back and is taken for good.
    queue.put(2).unwrap();
    drop(queue.get_leased().unwrap());
    assert_eq!(queue.get().unwrap(), 2);
    assert_eq!(queue.unfinished(), 1);
    queue.task_done().unwrap();
    queue.join().unwrap();
}

#[test]
fn the_joiner_is_woken_by_the_last_one() {
    let queue = JoinableQueue::<u32>::unbounded().unwrap();
    queue.put_many(0..3).unwrap();
    std::thread::scope(|scope| {
        let joiner = joiner(scope, &queue);
        for _ in 0..3 {
            assert!(!joiner.is_finished());
            queue.get().unwrap();
            queue.task_done().unwrap();
        }
        joiner.join().unwrap().unwrap();
    });
}

#[test]
fn a_shutdown_ends_a_join() {
    let queue = JoinableQueue::<u32>::unbounded().unwrap();
    queue.put_many(0..3).unwrap();
    queue.get().unwrap();
    std::thread::scope(|scope| {
        let joiner = joiner(scope, &queue);
        queue.shutdown().unwrap();
        assert!(!joiner.is_finished());
        queue.task_done().unwrap();
        joiner.join().unwrap().unwrap();
    });
}

#[test]
fn a_thread_that_ends_has_died() {
    let queue = JoinableQueue::<u32>::unbounded().unwrap();
    queue.put_many(0..5).unwrap();
    std::thread::scope(|scope| {
        let take = || queue.get_many(2).unwrap().len();
        assert_eq!(scope.spawn(take).join().unwrap(), 2);
    });
    assert_eq!(has_died(queue.join()), (std::process::id(), 2));
    assert!(matches!(queue.try_join(), Err(JoinError::TimedOut)));
    for _ in 0..3 {
        queue.get().unwrap();
        queue.task_done().unwrap();
    }
    queue.join().unwrap();
}

/// A process may have a queue at two addresses, if it sent it to itself.
#[test]
fn taken_here_and_done_by_a_copy() {
    let carrier = Queue::unbounded().unwrap();
    let queue = JoinableQueue::unbounded().unwrap();
    carrier.put(queue.clone()).unwrap();
    let copy = carrier.get().unwrap();
    for number in 0..200 {
        queue.put(number).unwrap();
        assert_eq!(queue.get().unwrap(), number);
        copy.task_done().unwrap();
        assert!(copy.task_done().is_err());
    }
    queue.join().unwrap();
}

/// What a thread took and never did concerns no other queue, whatever becomes of the first.
#[test]
fn queues_dropped_with_items_not_done() {
    std::thread::spawn(|| {
        for number in 0..200 {
            let queue = JoinableQueue::unbounded().unwrap();
            queue.put(number).unwrap();
            assert_eq!(queue.get().unwrap(), number, "after {number} queues");
        }
        let lock = Queue::unbounded().unwrap();
        lock.put(1).unwrap();
        assert_eq!(lock.get().unwrap(), 1);
    })
    .join()
    .unwrap();
}

/// The locks of what it owes are on the thread's list, which leads through the queues' memory.
#[test]
fn queues_dropped_by_another_thread() {
    let (older, newer) = (JoinableQueue::unbounded().unwrap(), JoinableQueue::unbounded().unwrap());
    older.put(1).unwrap();
    newer.put(2).unwrap();
    let (mine, theirs) = (newer.clone(), newer);
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        older.get().unwrap();
        mine.get().unwrap();
        sender.send(mine).unwrap();
        older
    });
    drop((theirs, receiver.recv().unwrap()));
    let older = thread.join().unwrap();
    assert_eq!(has_died(older.join()), (std::process::id(), 1));

    let (sender, receiver) = std::sync::mpsc::channel();
    let (go, gone) = std::sync::mpsc::channel();
    older.put(3).unwrap();
    let thread = std::thread::spawn(move || {
        older.get().unwrap();
        let newer = JoinableQueue::unbounded().unwrap();
        newer.put(4).unwrap();
        newer.get().unwrap();
        sender.send(newer).unwrap();
        gone.recv().unwrap();
        older.task_done().unwrap();
        older.join().unwrap();
    });
    drop(receiver.recv().unwrap());
    go.send(()).unwrap();
    thread.join().unwrap();
}

fn four_workers(method: StartMethod) {
    const ALL: u32 = 400;
    let queue = JoinableQueue::bounded(10).unwrap();
    let work = |queue: JoinableQueue<u32>, _: Turn| {
        let mut count = 0;
        for _ in queue.iter() {
            queue.task_done().unwrap();
            count += 1;
        }
        count
    };
    let mut workers: [Child<u32>; 4] = [(); 4].map(|()| Child::start(method, &queue, work));
    for round in 0..4 {
        queue.put_many(0..ALL / 4).unwrap();
        queue.join_deadline(soon()).unwrap();
        assert_eq!((queue.len(), queue.unfinished()), (0, 0), "round {round}");
    }
    queue.close();
    assert_eq!(workers.iter_mut().map(Child::join).sum::<u32>(), ALL);
    assert!(queue.task_done().is_err());
}

/// Takes items, does one, and waits.
fn take_three_and_do_one(queue: JoinableQueue<u32>, mut turn: Turn) {
    for _ in 0..3 {
        queue.get_deadline(soon()).unwrap();
    }
    queue.task_done().unwrap();
    turn.pass();
}

fn a_consumer_dies_with_items(method: StartMethod) {
    let queue = JoinableQueue::bounded(10).unwrap();
    queue.put_many(0..5).unwrap();
    let consumer: Child<()> = Child::ready(method, &queue, take_three_and_do_one);
    let pid = consumer.pid();
    assert!(matches!(queue.try_join(), Err(JoinError::TimedOut)));
    assert_eq!(queue.unfinished(), 4);
    consumer.kill();
    let error = queue.join().unwrap_err();
    assert!(error.to_string().contains(&format!("process {pid} died with 2 items")), "{error}");
    assert_eq!(has_died(Err(error)), (pid, 2));
    assert!(matches!(queue.try_join(), Err(JoinError::TimedOut)), "it is reported once");
    for _ in 0..2 {
        queue.get().unwrap();
        queue.task_done().unwrap();
    }
    queue.join().unwrap();
}

fn a_consumer_dies_while_join_waits(method: StartMethod) {
    let queue = JoinableQueue::bounded(10).unwrap();
    queue.put_many(0..3).unwrap();
    let consumer: Child<()> = Child::ready(method, &queue, take_three_and_do_one);
    let pid = consumer.pid();
    std::thread::scope(|scope| {
        let joiner = joiner(scope, &queue);
        consumer.kill();
        assert_eq!(has_died(joiner.join().unwrap()), (pid, 2));
    });
    queue.join().unwrap();
}

/// Here it took its items after the joiner had fallen asleep.
fn a_consumer_takes_and_dies_while_join_waits(method: StartMethod) {
    let queue = JoinableQueue::bounded(10).unwrap();
    queue.put_many(0..3).unwrap();
    let consume = |queue: JoinableQueue<u32>, mut turn: Turn| {
        turn.pass();
        queue.get_many(3).unwrap();
        turn.pass();
    };
    let mut consumer: Child<()> = Child::ready(method, &queue, consume);
    let pid = consumer.pid();
    std::thread::scope(|scope| {
        let joiner = joiner(scope, &queue);
        consumer.go();
        consumer.wait_ready();
        consumer.kill();
        assert_eq!(has_died(joiner.join().unwrap()), (pid, 3));
    });
    queue.join().unwrap();
}

fn a_leasing_consumer_dies(method: StartMethod) {
    let queue = JoinableQueue::<u32>::bounded(10).unwrap();
    queue.put(6).unwrap();
    let lease = |queue: JoinableQueue<u32>, mut turn: Turn| {
        let lease = queue.get_leased().unwrap();
        turn.pass();
        lease.acknowledge();
    };
    let consumer: Child<()> = Child::ready(method, &queue, lease);
    std::thread::scope(|scope| {
        let joiner = joiner(scope, &queue);
        consumer.kill();
        let again = queue.get_leased_deadline(soon()).unwrap();
        assert_eq!((*again, again.deliveries()), (6, 2));
        assert!(!joiner.is_finished(), "the item is not lost, so it is waited for");
        again.acknowledge();
        joiner.join().unwrap().unwrap();
    });
}

fn done_by_another_process(method: StartMethod) {
    let queue = JoinableQueue::bounded(10).unwrap();
    queue.put_many(0..2).unwrap();
    queue.get_many(2).unwrap();
    let finish = |queue: JoinableQueue<u32>, _: Turn| {
        queue.task_done().unwrap();
        queue.task_done().unwrap();
        queue.task_done().is_err()
    };
    assert!(Child::<bool>::start(method, &queue, finish).join());
    queue.join().unwrap();
}

fn a_joiner_in_another_process(method: StartMethod) {
    let queue = JoinableQueue::bounded(10).unwrap();
    queue.put(1).unwrap();
    let mut joiner: Child<()> =
        Child::start(method, &queue, |queue: JoinableQueue<u32>, mut turn: Turn| {
            turn.ready();
            queue.join().unwrap();
        });
    joiner.wait_asleep();
    queue.get().unwrap();
    queue.task_done().unwrap();
    joiner.join();
}

/// More than there are places for those that owe something.
#[test]
fn more_dead_threads_than_places() {
    const DEAD: u32 = 300;
    let queue = JoinableQueue::unbounded().unwrap();
    queue.put_many(0..2 * DEAD).unwrap();
    for _ in 0..DEAD {
        let take = || queue.get_many(2).unwrap().len();
        std::thread::scope(|scope| assert_eq!(scope.spawn(take).join().unwrap(), 2));
    }
    assert_eq!(queue.unfinished() as u32, 2 * DEAD);
    queue.task_done().unwrap();
    let mut items = 0;
    while let Err(error) = queue.join() {
        items += has_died(Err(error)).1;
    }
    assert_eq!(items, 2 * DEAD - 1, "all of them are reported");
}

fn many_dead_consumers(method: StartMethod) {
    let queue = JoinableQueue::unbounded().unwrap();
    queue.put_many(0..30).unwrap();
    let mut dead: Vec<u32> = (0..10)
        .map(|_| {
            let child: Child<()> = Child::ready(method, &queue, take_three_and_do_one);
            let pid = child.pid();
            child.kill();
            pid
        })
        .collect();
    let mut reported = Vec::new();
    while let Err(error) = queue.join() {
        let (pid, items) = has_died(Err(error));
        assert_eq!(items, 2);
        reported.push(pid);
    }
    dead.sort_unstable();
    reported.sort_unstable();
    assert_eq!(reported, dead);
}

fn a_worker_per_item_dies(_: StartMethod) {
    let queue = JoinableQueue::unbounded().unwrap();
    queue.put_many(0..150_u32).unwrap();
    let take = |queue: JoinableQueue<u32>, _: Turn| queue.get().unwrap();
    for expected in 0..150 {
        let mut child: Child<u32> = Child::start(StartMethod::Fork, &queue, take);
        assert_eq!(child.join(), expected);
    }
    assert_eq!(queue.unfinished(), 150);
    let mut items = 0;
    while let Err(error) = queue.join() {
        items += has_died(Err(error)).1;
    }
    assert_eq!(items, 150);
}
