//! How a queue ends: it is closed or shut down, or the last one of a side is gone.

use std::time::Duration;

use ipc_pipe::{RecvError, pipe};
use procspawn_core::StartMethod;
use queues::{GetError, PutErrorKind, Queue, Receiver, Sender};

use crate::kinds::{Handle, How, Kind, Made, each_kind};
use crate::support::{Child, Turn, each_method, past, run, soon, tid, wait_for_thread};

each_kind! { all here: close, close_twice, close_wakes_all_who_wait }
each_kind! { all each_method: close_in_another_process }
each_kind! { made here:
    shutdown_throws_away, the_last_sender_dropped, the_last_receiver_dropped, an_iterator_ends,
    a_put_that_races_with_close,
}
each_kind! { made each_method:
    the_last_sender_killed, the_last_receiver_killed, a_consumer_waits_and_the_sender_is_killed,
    a_producer_waits_and_the_receiver_is_killed, a_sender_on_its_way_is_alive,
}
each_method! { a_sender_that_crosses_and_returns }

fn is_end<T>(result: Result<T, GetError>) -> bool {
    matches!(result, Err(GetError::Disconnected))
}

fn close<K: Kind>() {
    let queue = K::fresh::<u8>();
    queue.give(1);
    queue.give(2);
    queue.close();
    for how in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(past())] {
        let error = queue.put(3, how).unwrap_err();
        assert!(matches!(error.kind, PutErrorKind::Closed), "{how:?}");
        assert_eq!(error.into_item(), 3);
    }
    assert_eq!((queue.have(), queue.have()), (1, 2));
    for how in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(soon())] {
        assert!(is_end(queue.get(how)), "{how:?}");
    }
    assert!(queue.is_empty());
}

fn close_twice<K: Kind>() {
    let queue = K::fresh::<u8>();
    queue.close();
    queue.close();
    assert!(is_end(queue.get(How::Wait)));
}

fn close_wakes_all_who_wait<K: Kind>() {
    let queue = K::fresh::<u8>();
    let waiters = [(); 3].map(|()| {
        let (sender, begun) = std::sync::mpsc::channel();
        let queue = queue.clone();
        let waiter = std::thread::spawn(move || {
            sender.send(tid()).unwrap();
            queue.get(How::Wait)
        });
        wait_for_thread(begun.recv().unwrap());
        waiter
    });
    queue.close();
    assert!(waiters.map(|waiter| is_end(waiter.join().unwrap())).iter().all(|&end| end));
}

fn close_in_another_process<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<u8>();
    run(
        method,
        |queue: K::Of<u8>| {
            queue.give(4);
            queue.close();
        },
        (queue.clone(),),
    );
    assert!(matches!(queue.put(1, How::Wait).unwrap_err().kind, PutErrorKind::Closed));
    assert_eq!(queue.have(), 4);
    assert!(is_end(queue.get(How::Wait)));
    let is_closed = |queue: K::Of<u8>| is_end(queue.get(How::Wait));
    assert!(run(method, is_closed, (queue,)));
}

fn shutdown_throws_away<K: Made>() {
    let queue = K::queue::<u8>();
    queue.put_many(0..10).unwrap();
    queue.shutdown().unwrap();
    assert!(queue.is_closed() && queue.is_empty());
    assert_eq!(queue.len(), 0);
    assert!(is_end(queue.get()) && is_end(queue.try_get()));
    assert!(matches!(queue.put(1).unwrap_err().kind, PutErrorKind::Closed));
    queue.shutdown().unwrap();
}

/// What lies in the queue is closed with it, so that nobody waits for what is gone.
#[test]
fn shutdown_closes_descriptors() {
    let (mut receiver, sender) = pipe::<()>().unwrap();
    let queue = Queue::unbounded().unwrap();
    queue.put(sender).unwrap();
    queue.shutdown().unwrap();
    let closed = receiver.recv_deadline(soon()).unwrap_err();
    assert!(matches!(closed, RecvError::Disconnected), "{closed}");
}

#[test]
fn a_lease_outlives_a_shutdown() {
    let queue = Queue::unbounded().unwrap();
    queue.put_many([1, 2]).unwrap();
    let (done, returned) = (queue.get_leased().unwrap(), queue.get_leased().unwrap());
    queue.shutdown().unwrap();
    assert_eq!(done.acknowledge(), 1);
    drop(returned);
    assert!(is_end(queue.get()), "nothing can be taken any more");
    assert!(queue.is_empty() && queue.is_closed());
}

fn the_last_sender_dropped<K: Made>() {
    let (sender, receiver) = K::queue::<u8>().split();
    sender.put(1).unwrap();
    let other = sender.clone();
    drop(sender);
    other.put(2).unwrap();
    drop(other);
    assert_eq!((receiver.get().unwrap(), receiver.get().unwrap()), (1, 2));
    assert!(is_end(receiver.get()) && is_end(receiver.try_get()));
    assert!(is_end(receiver.get_deadline(soon())));
}

fn the_last_receiver_dropped<K: Made>() {
    let (sender, receiver) = K::queue::<u8>().split();
    let other = receiver.clone();
    drop(receiver);
    sender.put(1).unwrap();
    drop(other);
    for how in [How::Now, How::Wait, How::Until(past())] {
        let queue = &sender;
        let put = crate::kinds::in_form!(how, queue, [put try_put put_timeout put_deadline] 2);
        assert!(matches!(put.unwrap_err().kind, PutErrorKind::Disconnected), "{how:?}");
    }
    let error = sender.put_many([1, 2, 3]).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::Disconnected));
    assert_eq!(error.item, [1, 2, 3]);
}

fn an_iterator_ends<K: Made>() {
    let (sender, receiver) = K::queue::<u8>().split();
    sender.put_many(0..5).unwrap();
    drop(sender);
    let mut items = receiver.iter();
    assert_eq!(items.by_ref().map(Result::unwrap).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(items.next().is_none());
    assert!((&receiver).into_iter().next().is_none());
}

/// What `put` says is in the queue is there: no item gets lost between the last look and the close.
fn a_put_that_races_with_close<K: Made>() {
    for _ in 0..200 {
        let queue = K::queue::<u32>();
        let consumer = std::thread::spawn({
            let queue = queue.clone();
            move || queue.iter().map(Result::unwrap).count()
        });
        let producer = std::thread::spawn({
            let queue = queue.clone();
            move || (0..40).take_while(|&number| queue.put(number).is_ok()).count()
        });
        std::thread::yield_now();
        queue.close();
        assert_eq!(producer.join().unwrap(), consumer.join().unwrap());
    }
}

/// A process that has an end and does nothing with it.
fn keeper<E>(method: StartMethod, end: &E) -> Child<()>
where
    E: Clone + serde::Serialize + serde::de::DeserializeOwned + 'static,
{
    Child::ready(method, end, |_end: E, mut turn: Turn| turn.pass())
}

fn the_last_sender_killed<K: Made>(method: StartMethod) {
    let (sender, receiver) = K::queue::<u8>().split();
    let keeper = keeper(method, &sender);
    sender.put(1).unwrap();
    drop(sender);
    assert_eq!(receiver.get().unwrap(), 1);
    assert!(matches!(receiver.try_get(), Err(GetError::Empty)));
    keeper.kill();
    assert!(is_end(receiver.get()) && is_end(receiver.try_get()));
}

fn a_consumer_waits_and_the_sender_is_killed<K: Made>(method: StartMethod) {
    let (sender, receiver) = K::queue::<u8>().split();
    let keeper = keeper(method, &sender);
    // A forked consumer would have a copy of it: see `Sender`.
    drop(sender);
    let mut consumers: [Child<bool>; 2] = [(); 2].map(|()| {
        Child::start(method, &receiver, |receiver: Receiver<u8>, mut turn: Turn| {
            turn.ready();
            is_end(receiver.get())
        })
    });
    consumers.iter_mut().for_each(Child::wait_asleep);
    keeper.kill();
    assert!(consumers.iter_mut().all(Child::join));
}

fn the_last_receiver_killed<K: Made>(method: StartMethod) {
    let (sender, receiver) = K::queue::<Vec<u8>>().split();
    let keeper = keeper(method, &receiver);
    drop(receiver);
    sender.put(vec![1]).unwrap();
    keeper.kill();
    // It is noticed when there is no room, at the latest.
    if sender.capacity().is_some() {
        let error = (0..).find_map(|_| sender.put(vec![1; 9]).err()).unwrap();
        assert!(matches!(error.kind, PutErrorKind::Disconnected), "{error:?}");
    }
}

fn a_producer_waits_and_the_receiver_is_killed<K: Made>(method: StartMethod) {
    let (sender, receiver) = K::queue::<Vec<u8>>().split();
    if sender.capacity().is_none() {
        return;
    }
    let keeper = keeper(method, &receiver);
    drop(receiver);
    while sender.try_put(vec![1; 9]).is_ok() {}
    let (begun, tids) = std::sync::mpsc::channel();
    let producer = std::thread::spawn(move || {
        begun.send(tid()).unwrap();
        sender.put(vec![2]).unwrap_err()
    });
    wait_for_thread(tids.recv().unwrap());
    keeper.kill();
    let error = producer.join().unwrap();
    assert!(matches!(error.kind, PutErrorKind::Disconnected));
    assert_eq!(error.item, [2]);
}

fn a_sender_on_its_way_is_alive<K: Made>(method: StartMethod) {
    let (sender, receiver) = K::queue::<u8>().split();
    let carrier = K::queue::<Sender<u8>>();
    carrier.put(sender).unwrap();
    assert!(matches!(receiver.try_get(), Err(GetError::Empty)), "it lies in the other queue");
    let take = |carrier: Queue<Sender<u8>>| carrier.get().unwrap().put(6).unwrap();
    run(method, take, (carrier.clone(),));
    assert_eq!(receiver.get().unwrap(), 6);
    assert!(is_end(receiver.get()), "it is gone with the process that took it");
    assert!(carrier.is_empty());
}

fn a_sender_that_crosses_and_returns(method: StartMethod) {
    let (sender, receiver) = Queue::<u8>::unbounded().unwrap().split();
    let sender = run(method, |sender: Sender<u8>| sender, (sender,));
    assert!(matches!(receiver.try_get(), Err(GetError::Empty)));
    sender.put(8).unwrap();
    drop(sender);
    assert_eq!(receiver.get().unwrap(), 8);
    assert!(is_end(receiver.get()));
}
