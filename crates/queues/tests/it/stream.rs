//! Receivers as streams and senders as sinks, under a runtime of ten lines.

use std::fs::read_dir;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_core::Stream;
use futures_sink::Sink;
use procspawn_core::{Process, StartMethod};
use queues::{GetError, PutErrorKind, Queue, Receiver, Sender};
use sync_primitives::handles::Event;

use crate::support::{Child, PATIENCE, Random, Turn, each_method, eventually, only};

each_method! { items_stream, a_killed_sender_ends_the_stream, items_sink, a_killed_receiver_is_told }
only! { Spawn: a_full_queue_is_waited_for, a_dropped_sink_leaves_nothing_behind }

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future; it may park as long as nothing hangs.
fn block_on<R>(future: impl Future<Output = R>) -> R {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        let begin = Instant::now();
        thread::park_timeout(PATIENCE);
        assert!(begin.elapsed() < PATIENCE, "nobody has woken us");
    }
}

/// Looks at a future or the like once.
fn poll_once<R>(poll: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
    poll(&mut Context::from_waker(Waker::noop()))
}

fn threads() -> usize {
    read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn what_is_there_comes_at_once() {
    let (sender, receiver) = Queue::bounded(10).unwrap().split();
    sender.put_many([1, 2]).unwrap();
    let mut stream = receiver.stream();
    for number in [1, 2] {
        let item = poll_once(|context| Pin::new(&mut stream).poll_next(context));
        assert!(matches!(item, Poll::Ready(Some(Ok(item))) if item == number));
    }
    assert!(poll_once(|context| Pin::new(&mut stream).poll_next(context)).is_pending());
    sender.put(3).unwrap();
    drop(sender);
    assert_eq!(block_on(stream.next()).unwrap().unwrap(), 3);
    for _ in 0..2 {
        assert!(block_on(stream.next()).is_none());
    }
}

#[test]
fn an_item_that_is_none_is_followed_by_others() {
    let queue = Queue::<u64>::bounded(10).unwrap();
    queue.put_bytes(&[]).unwrap();
    queue.put(4).unwrap();
    queue.close();
    let mut stream = queue.receiver().stream();
    assert!(matches!(block_on(stream.next()), Some(Err(GetError::Decode(_)))));
    assert!(matches!(block_on(stream.next()), Some(Ok(4))));
    assert!(block_on(stream.next()).is_none());
}

#[test]
fn several_streams_share_what_comes() {
    let (sender, receiver) = Queue::<u32>::bounded(4).unwrap().split();
    let taken = thread::scope(|scope| {
        let consume = |_| {
            let mut stream = receiver.stream();
            scope.spawn(move || {
                block_on(async move {
                    let mut count = 0;
                    while let Some(item) = stream.next().await {
                        item.unwrap();
                        count += 1;
                    }
                    count
                })
            })
        };
        let consumers: Vec<_> = (0..3).map(consume).collect();
        for number in 0..1_000 {
            sender.put(number).unwrap();
        }
        drop(sender);
        consumers.into_iter().map(|consumer| consumer.join().unwrap()).sum::<u32>()
    });
    assert_eq!(taken, 1_000);
}

#[test]
fn a_task_that_has_moved_is_woken_there() {
    let (sender, receiver) = Queue::<u32>::bounded(4).unwrap().split();
    let mut stream = receiver.stream();
    assert!(poll_once(|context| Pin::new(&mut stream).poll_next(context)).is_pending());
    let moved = thread::spawn(move || block_on(stream.next()));
    thread::sleep(Duration::from_millis(20));
    sender.put(9).unwrap();
    assert_eq!(moved.join().unwrap().unwrap().unwrap(), 9);
}

#[test]
fn a_sink_puts_at_once_while_there_is_room() {
    let (sender, receiver) = Queue::bounded(2).unwrap().split();
    let mut sink = sender.sink();
    for number in [1, 2] {
        assert!(poll_once(|context| Pin::new(&mut sink).poll_ready(context)).is_ready());
        Pin::new(&mut sink).start_send(number).unwrap();
        assert!(poll_once(|context| Pin::new(&mut sink).poll_flush(context)).is_ready());
    }
    assert_eq!(receiver.get_many(10).unwrap(), [1, 2]);
    drop(sender);
    block_on(poll_fn(|context| Pin::new(&mut sink).poll_close(context))).unwrap();
    assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
    let error = Pin::new(&mut sink).start_send(3).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::Closed));
}

#[test]
fn a_sink_that_waits_hears_of_close() {
    let queue = Queue::bounded(1).unwrap();
    let mut sink = queue.sender().sink();
    block_on(sink.put(1)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            queue.close();
        });
        let error = block_on(sink.put(2)).unwrap_err();
        assert!(matches!(error.kind, PutErrorKind::Closed));
    });
    assert!(matches!(block_on(sink.put(2)).unwrap_err().kind, PutErrorKind::Closed));
}

#[test]
fn what_holds_descriptors_or_is_long_waits_too() {
    type Item = (Event, Vec<u8>);
    let queue = Queue::<Item>::bounded(1).unwrap();
    let mut sink = queue.sender().sink();
    let event = Event::new().unwrap();
    let long = vec![7; 20 << 20];
    block_on(sink.put((event.clone(), Vec::new()))).unwrap();
    thread::scope(|scope| {
        let putting = scope.spawn(|| block_on(sink.put((event.clone(), long.clone()))));
        thread::sleep(Duration::from_millis(20));
        assert!(!putting.is_finished());
        queue.get().unwrap().0.set();
        putting.join().unwrap().unwrap();
    });
    let (there, bytes) = queue.get().unwrap();
    assert!(there.is_set() && bytes == long);
}

/// Small and large items wait for room at the same time, by sinks and by threads, and a sink is dropped
/// now and then: nobody stays behind.
#[test]
fn sinks_and_threads_wait_for_room_together() {
    let queue = Queue::<Vec<u8>>::bounded_bytes(4 << 10).unwrap();
    const EACH: usize = 300;
    thread::scope(|scope| {
        for seed in 1..=2 {
            let (sink, sender) = (queue.sender().sink(), queue.sender());
            scope.spawn(move || {
                let (mut random, mut sink) = (Random(seed), sink);
                for _ in 0..EACH {
                    let item = vec![0; random.next() as usize % 1_500];
                    block_on(sink.put(item)).unwrap();
                    if random.next().is_multiple_of(16) {
                        let mut other = queues::Sender::clone(&sender).sink();
                        // It may be put, or wait and be dropped.
                        let _ = Pin::new(&mut other).start_send(vec![1; 1_500]);
                    }
                }
            });
        }
        for seed in 3..=4 {
            let sender = queue.sender();
            scope.spawn(move || {
                let mut random = Random(seed);
                for _ in 0..EACH {
                    sender.put(vec![0; random.next() as usize % 1_500]).unwrap();
                }
            });
        }
        let mut count = 0;
        while count < 4 * EACH {
            let item = queue.get_timeout(PATIENCE).expect("somebody is left asleep");
            count += usize::from(item.first() != Some(&1));
        }
    });
}

fn items_stream(method: StartMethod) {
    const COUNT: u32 = 1_000;
    let (sender, receiver) = Queue::<u32>::bounded(8).unwrap().split();
    let produce = |sender: Sender<u32>| {
        let mut random = Random(5);
        for number in 0..COUNT {
            sender.put(number).unwrap();
            if random.next().is_multiple_of(16) {
                thread::sleep(Duration::from_micros(200));
            }
        }
    };
    let child = Process::new(produce, (sender.clone(),)).start_method(method).start().unwrap();
    drop(sender);
    let mut stream = receiver.stream();
    block_on(async {
        for number in 0..COUNT {
            assert_eq!(stream.next().await.unwrap().unwrap(), number);
        }
        assert!(stream.next().await.is_none());
    });
    child.join().unwrap();
}

fn a_killed_sender_ends_the_stream(method: StartMethod) {
    let (sender, receiver) = Queue::<u32>::bounded(8).unwrap().split();
    let child = Child::<()>::ready(method, &sender, |sender: Sender<u32>, mut turn: Turn| {
        sender.put(1).unwrap();
        turn.pass();
    });
    drop(sender);
    let mut stream = receiver.stream();
    child_is_killed_meanwhile(child, || {
        assert_eq!(block_on(stream.next()).unwrap().unwrap(), 1);
        assert!(block_on(stream.next()).is_none());
    });
}

/// Runs something in another thread that has to wait for the end of a child.
fn child_is_killed_meanwhile(child: Child<()>, work: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let working = scope.spawn(work);
        thread::sleep(Duration::from_millis(20));
        child.kill();
        working.join().unwrap();
    });
}

fn items_sink(method: StartMethod) {
    const COUNT: u32 = 1_000;
    let (sender, receiver) = Queue::<u32>::bounded(4).unwrap().split();
    let consume = |receiver: Receiver<u32>| {
        let mut random = Random(6);
        for number in 0..COUNT {
            assert_eq!(receiver.get().unwrap(), number);
            if random.next().is_multiple_of(16) {
                thread::sleep(Duration::from_micros(200));
            }
        }
        assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
    };
    // Not with the copies of a forked child, which would be senders of the queue, too.
    let consume_some = |receiver: Receiver<u32>| {
        (0..COUNT).for_each(|number| assert_eq!(receiver.get().unwrap(), number));
    };
    let process = match method {
        StartMethod::Fork => Process::new(consume_some, (receiver,)).start_method(method).start(),
        _ => Process::new(consume, (receiver,)).start_method(method).start(),
    };
    let child = process.unwrap();
    let mut sink = sender.sink();
    drop(sender);
    block_on(async {
        for number in 0..COUNT {
            poll_fn(|context| Pin::new(&mut sink).poll_ready(context)).await.unwrap();
            Pin::new(&mut sink).start_send(number).unwrap();
        }
        poll_fn(|context| Pin::new(&mut sink).poll_close(context)).await.unwrap();
    });
    child.join().unwrap();
}

fn a_killed_receiver_is_told(method: StartMethod) {
    let (sender, receiver) = Queue::<u32>::bounded(1).unwrap().split();
    let child = Child::<()>::ready(method, &receiver, |_: Receiver<u32>, mut turn: Turn| {
        turn.pass();
    });
    drop(receiver);
    let mut sink = sender.sink();
    block_on(sink.put(1)).unwrap();
    child_is_killed_meanwhile(child, || {
        let error = block_on(sink.put(2)).unwrap_err();
        assert!(matches!(error.kind, PutErrorKind::Disconnected));
    });
}

fn a_full_queue_is_waited_for(_: StartMethod) {
    let (sender, receiver) = Queue::bounded(1).unwrap().split();
    let mut sink = sender.sink();
    let before = threads();
    block_on(sink.put(0)).unwrap();
    assert_eq!(threads(), before, "there was room");
    for number in 1..20 {
        send_to_ready(&mut sink, number);
        assert!(poll_once(|context| Pin::new(&mut sink).poll_flush(context)).is_pending());
        assert_eq!(threads(), before + 1, "one thread, however often it is full");
        assert_eq!(receiver.get().unwrap(), number - 1);
        block_on(poll_fn(|context| Pin::new(&mut sink).poll_flush(context))).unwrap();
    }
    drop(sink);
    eventually("ended", || threads() == before);
    assert_eq!(receiver.get().unwrap(), 19);
}

/// Hands an item to a sink that is ready.
fn send_to_ready(sink: &mut queues::PutSink<u32>, number: u32) {
    assert!(poll_once(|context| Pin::new(&mut *sink).poll_ready(context)).is_ready());
    Pin::new(sink).start_send(number).unwrap();
}

fn a_dropped_sink_leaves_nothing_behind(_: StartMethod) {
    let (sender, receiver) = Queue::bounded(1).unwrap().split();
    let (before, descriptors) = (threads(), read_dir("/proc/self/fd").unwrap().count());
    for _ in 0..10 {
        let mut sink = sender.sink();
        sender.put(1).unwrap();
        send_to_ready(&mut sink, 2);
        drop(sink);
        assert_eq!(receiver.get().unwrap(), 1);
        assert!(matches!(receiver.try_get(), Err(GetError::Empty)), "it was dropped");
    }
    eventually("ended", || threads() == before);
    assert_eq!(read_dir("/proc/self/fd").unwrap().count(), descriptors);
    drop(sender);
    assert!(matches!(receiver.get(), Err(GetError::Disconnected)));
}
