//! What CPython's tests ask of `multiprocessing`'s queues, by their names there, and what CPython
//! itself fails: a consumer or producer that dies, items that get lost at an exit, a queue that says
//! it is empty when it is not.

use std::time::{Duration, Instant};

use procspawn_core::StartMethod;
use queues::{GetError, JoinableQueue, PutErrorKind, Queue};
use serde::{Deserialize, Serialize, Serializer};

use crate::kinds::{Handle, How, Kind, each_kind};
use crate::support::{Child, Turn, each_method, past};
use crate::system::leave;

each_kind! { all each_method:
    a_killed_consumer_does_not_stop_the_others, put_and_exit_at_once,
    a_megabyte_and_join_before_get, test_empty,
}
each_kind! { all here:
    what_was_put_is_seen_at_once, test_timeout, test_closed_queue_put_get_exceptions, test_close,
    test_queue_feeder_donot_stop_onexc, test_closed_queue_empty_exceptions,
}
each_method! {
    test_fork, test_task_done, test_put, test_get, a_killed_producer_tears_nothing, test_qsize,
}

/// CPython: every later `get` says that the queue is empty, for ever.
fn a_killed_consumer_does_not_stop_the_others<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<u32>();
    let consume = |queue: K::Of<u32>, mut turn: Turn| {
        turn.ready();
        queue.get(How::Wait).unwrap()
    };
    let mut victim: Child<u32> = Child::start(method, &queue, consume);
    let mut other: Child<u32> = Child::start(method, &queue, consume);
    victim.wait_asleep();
    other.wait_asleep();
    victim.kill();
    (0..5).for_each(|number| queue.give(number));
    let mut got = vec![other.join()];
    got.extend((0..4).map(|_| queue.have()));
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2, 3, 4]);
}

/// CPython: `get(timeout=…)` blocks for ever on half a frame.
fn a_killed_producer_tears_nothing(method: StartMethod) {
    for len in [10_usize, 30_000, 200_000] {
        let queue = Queue::<(u32, Vec<u8>)>::bounded(4).unwrap();
        let shared = (queue.clone(), len);
        let produce = |(queue, len): (Queue<(u32, Vec<u8>)>, usize), _: Turn| {
            for number in 0.. {
                queue.put((number, vec![number as u8; len])).unwrap();
            }
        };
        let victim: Child<()> = Child::start(method, &shared, produce);
        let mut next = 0;
        let mut check = |(number, bytes): (u32, Vec<u8>)| {
            assert_eq!((number, bytes.len()), (next, len));
            assert!(bytes.iter().all(|&byte| byte == number as u8));
            next += 1;
        };
        (0..20).for_each(|_| check(queue.have()));
        victim.kill();
        while let Ok(item) = queue.try_get() {
            check(item);
        }
        let late = queue.get_timeout(Duration::from_millis(5));
        assert!(matches!(late, Err(GetError::TimedOut)));
        queue.give((0, vec![]));
        assert_eq!(queue.have(), (0, vec![]));
    }
}

/// CPython: lost without a word.
fn put_and_exit_at_once<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<u32>();
    let produce = |queue: K::Of<u32>, _: Turn| -> () {
        (0..5).for_each(|number| queue.put(number, How::Wait).unwrap());
        leave(0)
    };
    let child: Child<()> = Child::start(method, &queue, produce);
    assert_eq!(child.dies().code(), Some(0));
    assert_eq!([(); 5].map(|()| queue.have()), [0, 1, 2, 3, 4]);
    assert!(queue.is_empty());
}

/// CPython: the producer never ends, as nobody takes what it has put.
fn a_megabyte_and_join_before_get<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<Vec<u8>>();
    let produce = |queue: K::Of<Vec<u8>>, _: Turn| queue.give(vec![7; 1 << 20]);
    let mut producer: Child<()> = Child::start(method, &queue, produce);
    producer.join();
    assert!(queue.have() == vec![7; 1 << 20]);
}

/// CPython: `Empty`, as its feeder thread has not run yet.
fn what_was_put_is_seen_at_once<K: Kind>() {
    let queue = K::fresh::<u32>();
    for number in 0..500 {
        queue.give(number);
        assert!(!queue.is_empty());
        assert_eq!(queue.get(How::Now).unwrap(), number);
    }
    assert!(queue.is_empty());
}

fn test_put(method: StartMethod) {
    const MAX: u32 = 6;
    let queue = Queue::bounded(MAX as usize).unwrap();
    let drain = |queue: Queue<u32>, mut turn: Turn| {
        turn.wait();
        (0..MAX).for_each(|_| assert_ne!(queue.get().unwrap(), 7));
        turn.pass();
    };
    let mut child: Child<()> = Child::start(method, &queue, drain);
    assert!(queue.is_empty() && !queue.is_full());
    for how in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(past())] {
        Handle::put(&queue, 1, how).unwrap();
    }
    queue.put_many([5, 6]).unwrap();
    assert!(!queue.is_empty() && queue.is_full());
    assert!(matches!(queue.try_put(7).unwrap_err().kind, PutErrorKind::Full));
    for timeout in [0, 30, 60].map(Duration::from_millis) {
        let before = Instant::now();
        assert!(matches!(queue.put_timeout(7, timeout).unwrap_err().kind, PutErrorKind::TimedOut));
        assert!(before.elapsed() >= timeout);
    }
    child.go();
    child.wait_ready();
    assert!(queue.is_empty() && !queue.is_full());
    child.end();
}

fn test_get(method: StartMethod) {
    let queue = Queue::unbounded().unwrap();
    let fill = |queue: Queue<u32>, mut turn: Turn| {
        turn.wait();
        (2..6).for_each(|number| queue.put(number).unwrap());
        turn.pass();
    };
    let mut child: Child<()> = Child::start(method, &queue, fill);
    assert!(queue.is_empty());
    child.go();
    child.wait_ready();
    assert!(!queue.is_empty());
    for (how, expected) in [How::Wait, How::Now, How::For(Duration::MAX)].into_iter().zip(2..) {
        assert_eq!(Handle::get(&queue, how).unwrap(), expected);
    }
    assert_eq!(queue.get_timeout(Duration::ZERO).unwrap(), 5);
    assert!(queue.is_empty());
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    for timeout in [0, 30, 60].map(Duration::from_millis) {
        let before = Instant::now();
        assert!(matches!(queue.get_timeout(timeout), Err(GetError::TimedOut)));
        assert!(before.elapsed() >= timeout);
    }
    child.end();
}

/// A child that is made after its parent used the queue can put, too.
fn test_fork(method: StartMethod) {
    let queue = Queue::unbounded().unwrap();
    (0..10).for_each(|number| queue.put(number).unwrap());
    let put = |queue: Queue<u32>, _: Turn| (10..20).for_each(|number| queue.put(number).unwrap());
    Child::<()>::start(method, &queue, put).join();
    for number in 0..20 {
        assert_eq!(queue.get().unwrap(), number);
    }
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
}

fn test_qsize(method: StartMethod) {
    let queue = Queue::unbounded().unwrap();
    let mut expected = 0;
    for puts in [true, true, false, true, false, false] {
        let child = |(queue, puts): (Queue<u8>, bool), _: Turn| {
            if puts {
                queue.put(1).unwrap()
            } else {
                assert_eq!(queue.get().unwrap(), 1)
            }
            queue.len()
        };
        if puts {
            expected += 1
        } else {
            expected -= 1
        }
        let mut child: Child<usize> = Child::start(method, &(queue.clone(), puts), child);
        assert_eq!(child.join(), expected);
        assert_eq!(queue.len(), expected);
    }
}

fn test_task_done(method: StartMethod) {
    let queue = JoinableQueue::unbounded().unwrap();
    let work = |queue: JoinableQueue<Option<u32>>, _: Turn| {
        while Queue::get(&queue).unwrap().is_some() {
            queue.task_done().unwrap();
        }
        queue.task_done().unwrap();
    };
    let mut workers: [Child<()>; 4] = [(); 4].map(|()| Child::start(method, &queue, work));
    queue.put_many((0..10).map(Some)).unwrap();
    queue.join().unwrap();
    queue.put_many([None; 4]).unwrap();
    workers.iter_mut().for_each(Child::join);
    queue.join().unwrap();
}

fn test_timeout<K: Kind>() {
    let (queue, before) = (K::fresh::<u8>(), Instant::now());
    assert!(queue.get(How::For(Duration::from_millis(100))).is_err());
    assert!(before.elapsed() >= Duration::from_millis(100));
}

/// An item that cannot be encoded. In CPython, a hook is told of it with the item
/// (`test_queue_feeder_on_queue_feeder_error`): here, who puts is.
#[derive(Debug, PartialEq, Deserialize)]
struct NotSerializable(bool);

impl Serialize for NotSerializable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            NotSerializable(true) => Err(serde::ser::Error::custom("not serializable")),
            NotSerializable(false) => {
                serializer.serialize_newtype_struct("NotSerializable", &false)
            }
        }
    }
}

fn test_queue_feeder_donot_stop_onexc<K: Kind>() {
    let queue = K::fresh::<NotSerializable>();
    let error = queue.put(NotSerializable(true), How::Wait).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::Encode(_)));
    assert_eq!(error.into_item(), NotSerializable(true));
    queue.give(NotSerializable(false));
    assert_eq!(queue.have(), NotSerializable(false));
    assert!(queue.is_empty());
}

/// Whether a closed queue is empty can be asked: it is no error as in CPython.
fn test_closed_queue_empty_exceptions<K: Kind>() {
    let (used, unused) = (K::fresh::<u8>(), K::fresh::<u8>());
    used.give(1);
    used.close();
    unused.close();
    assert!(!used.is_empty() && unused.is_empty());
}

fn test_closed_queue_put_get_exceptions<K: Kind>() {
    let queue = K::fresh::<u8>();
    queue.close();
    assert!(matches!(queue.put(1, How::Wait).unwrap_err().kind, PutErrorKind::Closed));
    assert!(matches!(queue.get(How::Wait), Err(GetError::Disconnected)));
}

fn test_close<K: Kind>() {
    let queue = K::fresh::<u8>();
    queue.close();
    queue.close();
}

fn test_empty<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<u8>();
    let work = |queue: K::Of<u8>, mut turn: Turn| {
        turn.wait();
        queue.give(1);
        queue.give(2);
        turn.pass();
    };
    let mut child: Child<()> = Child::start(method, &queue, work);
    assert!(queue.is_empty());
    child.go();
    child.wait_ready();
    assert!(!queue.is_empty());
    assert_eq!((queue.have(), queue.is_empty()), (1, false));
    assert_eq!((queue.have(), queue.is_empty()), (2, true));
    child.end();
}
