//! What every queue does: order, bounds, waiting, the end of the stream.

use std::time::Duration;

use procspawn_core::{Process, StartMethod};
use queues::{GetError, PutErrorKind, Queue, Receiver, Sender};

use crate::support::each_method;

each_method! { items_cross, several_producers_and_consumers, the_last_sender_ends_the_stream }

fn items_cross(method: StartMethod) {
    let queue = Queue::bounded(4).unwrap();
    let produce = |queue: Queue<String>| {
        for number in 0..100 {
            queue.put(format!("item {number}")).unwrap();
        }
    };
    let child = Process::new(produce, (queue.clone(),)).start_method(method).start().unwrap();
    for number in 0..100 {
        assert_eq!(queue.get().unwrap(), format!("item {number}"));
    }
    child.join().unwrap();
    assert!(queue.is_empty());
}

fn several_producers_and_consumers(method: StartMethod) {
    const EACH: u64 = 2_000;
    let (sender, receiver) = Queue::bounded(16).unwrap().split();
    let sums = Queue::<u64>::unbounded().unwrap();
    let produce = |sender: Sender<u64>| (0..EACH).for_each(|number| sender.put(number).unwrap());
    let consume = |receiver: Receiver<u64>, sums: Queue<u64>| {
        sums.put(receiver.iter().map(Result::unwrap).sum()).unwrap();
    };
    let mut children = Vec::new();
    for _ in 0..2 {
        let producer = Process::new(produce, (sender.clone(),));
        children.push(producer.start_method(method).start().unwrap());
    }
    // A forked child has copies of all that is here, and the stream would not end for it.
    drop(sender);
    for _ in 0..2 {
        let consumer = Process::new(consume, (receiver.clone(), sums.clone()));
        children.push(consumer.start_method(method).start().unwrap());
    }
    children.into_iter().for_each(|child| child.join().unwrap());
    assert_eq!(sums.get().unwrap() + sums.get().unwrap(), EACH * (EACH - 1));
}

fn the_last_sender_ends_the_stream(method: StartMethod) {
    let (sender, receiver) = Queue::<u32>::unbounded().unwrap().split();
    let produce = |sender: Sender<u32>| sender.put(7).unwrap();
    let child = Process::new(produce, (sender.clone(),)).start_method(method).start().unwrap();
    drop(sender);
    assert_eq!(receiver.get().unwrap(), 7);
    assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
    child.join().unwrap();
}

#[test]
fn a_bound_is_kept() {
    let queue = Queue::bounded(2).unwrap();
    queue.put(1).unwrap();
    queue.put(2).unwrap();
    assert!(queue.is_full());
    let error = queue.try_put(3).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::Full));
    assert_eq!(error.into_item(), 3);
    let error = queue.put_timeout(3, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::TimedOut));
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.get().unwrap(), 1);
    queue.put(3).unwrap();
    assert_eq!(queue.get_many(10).unwrap(), [2, 3]);
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
}

#[test]
fn a_queue_that_was_shut_down_has_come_to_its_end() {
    let queue = Queue::bounded(3).unwrap();
    (0..3).for_each(|number| queue.put(number).unwrap());
    // Consumers remember that there was one item, and then there are more, all thrown away.
    assert_eq!(queue.get().unwrap(), 0);
    queue.put(3).unwrap();
    queue.shutdown().unwrap();
    assert!(queue.is_empty());
    assert!(matches!(queue.get(), Err(GetError::Disconnected)));
}
