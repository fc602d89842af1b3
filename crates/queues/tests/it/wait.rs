//! Waiting for several things: queues, descriptors, events.

use std::fs::read_dir;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ipc_pipe::{Receiver as PipeReceiver, pipe};
use procspawn_core::{Process, StartMethod};
use queues::{
    GetError, JoinableQueue, PriorityQueue, Queue, Receiver, Sender, SimpleQueue, Source, wait,
    wait_deadline,
};
use sync_primitives::Event;
use sync_primitives::handles::Event as EventHandle;

use crate::polled::is_readable;
use crate::support::{Child, Random, Turn, each_method, eventually, in_time, only, past, soon};

each_method! {
    a_put_wakes, a_put_wakes_one_who_waits_for_events_too, an_event_wakes, a_death_wakes, close_wakes,
    the_last_sender_wakes, a_killed_sender_wakes, a_killed_consumer_returns_what_was_lent,
}
only! { Spawn:
    nothing_is_left_behind, nothing_is_left_behind_at_a_timeout, many_events_and_their_threads,
    random_sources,
}

const SHORT: Duration = Duration::from_millis(20);

/// Looks at one source.
fn is_ready<'a>(source: impl Into<Source<'a>>) -> bool {
    !wait(&[source.into()], Some(Duration::ZERO)).unwrap().is_empty()
}

/// How many descriptors and threads this process has.
fn own() -> (usize, usize) {
    (read_dir("/proc/self/fd").unwrap().count(), read_dir("/proc/self/task").unwrap().count())
}

#[test]
fn each_kind_of_source() {
    let queue = Queue::bounded(1).unwrap();
    let (sender, receiver) = Queue::unbounded().unwrap().split();
    let (simple, joinable) =
        (SimpleQueue::new().unwrap(), JoinableQueue::bounded_bytes(100).unwrap());
    let (event, handle) = (Event::new(), EventHandle::new().unwrap());
    let (message, mut to_message) = pipe().unwrap();
    let sources = [
        Source::queue(&queue),
        Source::queue(&receiver),
        Source::queue(&simple),
        Source::queue(&joinable),
        Source::event(&event),
        Source::event(&handle),
        Source::fd(&message),
    ];
    let raise: [&mut dyn FnMut(); 7] = [
        &mut || queue.put(1).unwrap(),
        &mut || sender.put(2).unwrap(),
        &mut || simple.put(3).unwrap(),
        &mut || joinable.put(4).unwrap(),
        &mut || event.set(),
        &mut || handle.set(),
        &mut || to_message.send(&5).unwrap(),
    ];
    for (index, raise) in raise.into_iter().enumerate() {
        assert_eq!(wait(&sources[index..=index], Some(SHORT)).unwrap(), []);
        raise();
        assert_eq!(wait(&sources[index..=index], None).unwrap(), [0]);
        assert_eq!(wait(&sources, None).unwrap(), (0..=index).collect::<Vec<_>>());
    }
    assert_eq!((queue.get().unwrap(), receiver.get().unwrap()), (1, 2));
    assert_eq!(wait(&sources, None).unwrap(), [2, 3, 4, 5, 6]);
}

#[test]
fn into_a_source() {
    let (queue, simple) = (Queue::<u8>::bounded(1).unwrap(), SimpleQueue::<u8>::new().unwrap());
    let joinable = JoinableQueue::<u8>::unbounded().unwrap();
    let (event, handle) = (Event::new(), EventHandle::new().unwrap());
    let (message, _sender) = pipe::<u8>().unwrap();
    assert!(!is_ready(&queue));
    assert!(!is_ready(&queue.receiver()));
    assert!(!is_ready(&simple));
    assert!(!is_ready(&joinable));
    assert!(!is_ready(&event));
    assert!(!is_ready(&handle));
    assert!(!is_ready(message.as_fd()));
    queue.put(1).unwrap();
    assert!(is_ready(&queue));
    assert_eq!(wait(&[(&queue).into(), Source::fd(&queue)], None).unwrap(), [0, 1]);
}

#[test]
fn timeouts() {
    let (queue, event) = (Queue::<u8>::bounded(1).unwrap(), Event::new());
    let (message, _sender) = pipe::<u8>().unwrap();
    let all = [Source::queue(&queue), Source::event(&event), Source::fd(&message)];
    for sources in [&all[..], &all[..1], &all[..2], &all[1..2], &all[1..], &[], &[all[0], all[0]]] {
        for timeout in [Duration::ZERO, SHORT] {
            let begin = Instant::now();
            assert_eq!(wait(sources, Some(timeout)).unwrap(), []);
            assert!(begin.elapsed() >= timeout);
        }
        assert_eq!(wait_deadline(sources, past()).unwrap(), []);
    }
    event.set();
    assert_eq!(wait(&all, Some(Duration::MAX)).unwrap(), [1]);
    assert_eq!(wait_deadline(&all, past()).unwrap(), [1]);
}

#[test]
fn what_is_not_open_is_an_error() {
    let queue = Queue::<u8>::bounded(1).unwrap();
    // SAFETY: nobody closes or uses it: there is none with this number.
    #[allow(unsafe_code, reason = "names a descriptor that is not open")]
    let closed = unsafe { BorrowedFd::borrow_raw(1 << 20) };
    assert!(wait(&[closed.into()], Some(Duration::ZERO)).is_err());
    assert!(wait(&[Source::queue(&queue), closed.into()], None).is_err());
}

#[test]
fn an_event_that_was_short_is_noticed() {
    let (queue, event) = (Queue::<u8>::bounded(1).unwrap(), Event::new());
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let sources = [Source::queue(&queue), Source::event(&event)];
            in_time(|deadline| wait_deadline(&sources, deadline).unwrap())
        });
        // One that comes before the wait has begun is not; so there are many.
        while !waiting.is_finished() {
            event.set();
            event.clear();
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(waiting.join().unwrap(), [1]);
    });
}

#[test]
fn a_reservation_is_waited_for() {
    let (queue, other) = (Queue::<u32>::bounded(10).unwrap(), Queue::<u32>::bounded(10).unwrap());
    let reservation = queue.reserve(4).unwrap();
    std::thread::scope(|scope| {
        let sources = [Source::queue(&queue), Source::queue(&other)];
        let waiting =
            || scope.spawn(move || in_time(|deadline| wait_deadline(&sources, deadline).unwrap()));
        let first = waiting();
        std::thread::sleep(SHORT);
        other.put(1).unwrap();
        assert_eq!(first.join().unwrap(), [1]);
        other.get().unwrap();
        let second = waiting();
        std::thread::sleep(SHORT);
        assert!(!second.is_finished());
        reservation.commit();
        assert_eq!(second.join().unwrap(), [0]);
    });
}

#[test]
fn our_own_reservation_is_nothing_to_get() {
    let (queue, other) = (Queue::<u32>::bounded(10).unwrap(), Queue::<u32>::bounded(10).unwrap());
    let reservation = queue.reserve(4).unwrap();
    let sources = [Source::queue(&queue), Source::queue(&other)];
    assert_eq!(wait(&sources, Some(SHORT)).unwrap(), []);
    other.put(1).unwrap();
    assert_eq!(wait(&sources, None).unwrap(), [1]);
    reservation.commit();
    assert_eq!(wait(&sources, None).unwrap(), [0, 1]);
}

#[test]
fn the_end_waits_for_a_lease() {
    let (sender, receiver) = Queue::<u32>::bounded(10).unwrap().split();
    sender.put(1).unwrap();
    let lease = receiver.get_leased().unwrap();
    std::thread::scope(|scope| {
        let sources = [Source::queue(&receiver)];
        let waiting =
            || scope.spawn(move || in_time(|deadline| wait_deadline(&sources, deadline).unwrap()));
        drop(sender);
        let first = waiting();
        std::thread::sleep(SHORT);
        assert!(!first.is_finished(), "it may come back");
        drop(lease);
        assert_eq!(first.join().unwrap(), [0]);
        let lease = receiver.try_get_leased().unwrap();
        let second = waiting();
        std::thread::sleep(SHORT);
        assert!(!second.is_finished(), "it may come back again");
        lease.acknowledge();
        assert_eq!(second.join().unwrap(), [0]);
    });
    assert!(matches!(receiver.try_get(), Err(GetError::Disconnected)));
}

#[test]
fn a_priority_queue_is_a_source_too() {
    let queue = PriorityQueue::bounded(10).unwrap();
    let ready = queue.as_fd();
    for _ in 0..3 {
        assert!(!is_readable(ready) && !is_ready(&queue));
        queue.put(2, "late".to_string()).unwrap();
        assert!(is_readable(ready));
        assert_eq!(wait(&[Source::queue(&queue), Source::fd(&queue)], None).unwrap(), [0, 1]);
        assert_eq!(queue.try_get().unwrap(), "late".to_string());
        assert!(queue.try_get().unwrap_err().is_empty());
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| in_time(|until| wait_deadline(&[(&queue).into()], until)));
        std::thread::sleep(SHORT);
        queue.close();
        assert_eq!(waiting.join().unwrap().unwrap(), [0]);
    });
    assert!(is_readable(ready));
}

/// A consumer that marked the bell before it held the lock could lose the mark to a producer, and
/// the item to another consumer; one that silenced the bell could silence the end of the stream.
#[test]
fn consumers_that_fall_asleep_miss_neither_items_nor_the_end() {
    for round in 0..20 {
        let queue = Queue::<u32>::bounded(1_000).unwrap();
        let taken = std::thread::scope(|scope| {
            let consume = |_| {
                let queue = &queue;
                scope.spawn(move || {
                    let (mut count, sources) = (0, [Source::queue(queue)]);
                    loop {
                        match queue.try_get() {
                            Ok(_) => count += 1,
                            Err(GetError::Empty) => {
                                in_time(|deadline| wait_deadline(&sources, deadline).unwrap());
                            }
                            Err(_) => return count,
                        }
                    }
                })
            };
            let consumers: Vec<_> = (0..3).map(consume).collect();
            let mut random = Random(round + 1);
            for number in 0..200 {
                queue.put(number).unwrap();
                if random.next().is_multiple_of(4) {
                    std::thread::yield_now();
                }
            }
            queue.close();
            consumers.into_iter().map(|consumer| consumer.join().unwrap()).sum::<u32>()
        });
        assert_eq!(taken, 200);
    }
}

fn a_put_wakes(method: StartMethod) {
    let queue = Queue::<u32>::bounded(4).unwrap();
    let mut child = Child::start(method, &queue, |queue: Queue<u32>, mut turn: Turn| {
        for _ in 0..3 {
            turn.ready();
            assert_eq!(wait(&[Source::queue(&queue)], None).unwrap(), [0]);
            queue.try_get().unwrap();
        }
    });
    for _ in 0..3 {
        child.wait_asleep();
        queue.put(7).unwrap();
    }
    child.join();
}

fn a_put_wakes_one_who_waits_for_events_too(method: StartMethod) {
    let shared = (Queue::<u32>::bounded(4).unwrap(), EventHandle::new().unwrap());
    type Shared = (Queue<u32>, EventHandle);
    let mut child = Child::start(method, &shared, |(queue, event): Shared, mut turn: Turn| {
        turn.ready();
        let sources = [Source::event(&event), Source::queue(&queue)];
        wait(&sources, None).unwrap()
    });
    child.wait_asleep();
    shared.0.put(7).unwrap();
    assert_eq!(child.join(), [1]);
}

fn an_event_wakes(method: StartMethod) {
    let shared = (Queue::<u32>::bounded(4).unwrap(), EventHandle::new().unwrap());
    type Shared = (Queue<u32>, EventHandle);
    let mut child = Child::start(method, &shared, |(queue, event): Shared, mut turn: Turn| {
        turn.ready();
        let sources = [Source::queue(&queue), Source::queue(&queue), Source::event(&event)];
        let mixed = wait(&sources, None).unwrap();
        event.clear();
        turn.ready();
        (mixed, wait(&sources[2..], None).unwrap())
    });
    for _ in 0..2 {
        child.wait_asleep();
        shared.1.set();
    }
    assert_eq!(child.join(), (vec![2], vec![0]));
}

fn a_death_wakes(method: StartMethod) {
    let (queue, event) = (Queue::<u32>::bounded(4).unwrap(), Event::new());
    for with_event in [false, true] {
        let sleep = |time: Duration| std::thread::sleep(time);
        let process = Process::new(sleep, (Duration::from_secs(3600),)).daemon(true);
        let child = process.start_method(method).start().unwrap();
        let sources = [Source::queue(&queue), Source::fd(&child), Source::event(&event)];
        let sources = if with_event { &sources[..] } else { &sources[..2] };
        assert_eq!(wait(sources, Some(SHORT)).unwrap(), []);
        child.kill().unwrap();
        assert_eq!(wait_deadline(sources, soon()).unwrap(), [1]);
        child.wait();
    }
}

fn close_wakes(method: StartMethod) {
    let queue = Queue::<u32>::bounded(4).unwrap();
    let mut child = Child::start(method, &queue, |queue: Queue<u32>, mut turn: Turn| {
        turn.ready();
        let woken = wait(&[Source::queue(&queue)], None).unwrap();
        assert!(matches!(queue.try_get(), Err(GetError::Disconnected)));
        woken
    });
    child.wait_asleep();
    queue.close();
    assert_eq!(child.join(), [0]);
    assert!(is_ready(&queue));
}

fn the_last_sender_wakes(method: StartMethod) {
    let (sender, receiver) = Queue::<u32>::bounded(4).unwrap().split();
    let put = |sender: Sender<u32>, mut turn: Turn| {
        turn.pass();
        drop(sender);
        turn.pass();
    };
    let mut child = Child::ready(method, &sender, put);
    drop(sender);
    assert!(!is_ready(&receiver) && !is_readable(receiver.as_fd()));
    child.go();
    if method != StartMethod::Fork {
        // A forked child has a copy of ours until its end.
        assert_eq!(wait_deadline(&[Source::queue(&receiver)], soon()).unwrap(), [0]);
    }
    child.wait_ready();
    child.end();
    assert!(is_ready(&receiver) && is_readable(receiver.as_fd()));
}

fn a_killed_sender_wakes(method: StartMethod) {
    let (sender, receiver) = Queue::<u32>::bounded(4).unwrap().split();
    let child = Child::<()>::ready(method, &sender, |_: Sender<u32>, mut turn: Turn| turn.pass());
    drop(sender);
    let ready = receiver.ready_fd().unwrap();
    assert!(!is_ready(&receiver) && !is_readable(ready));
    child.kill();
    assert_eq!(wait_deadline(&[Source::queue(&receiver)], soon()).unwrap(), [0]);
    assert!(is_readable(ready));
    assert!(matches!(receiver.try_get(), Err(GetError::Disconnected)));
}

fn a_killed_consumer_returns_what_was_lent(method: StartMethod) {
    let (sender, receiver) = Queue::bounded(4).unwrap().split();
    sender.put(5).unwrap();
    let child = Child::<()>::ready(method, &receiver, |queue: Receiver<u32>, mut turn: Turn| {
        let lease = queue.get_leased().unwrap();
        turn.pass();
        lease.acknowledge();
    });
    assert_eq!(wait(&[Source::queue(&receiver)], Some(SHORT)).unwrap(), []);
    child.kill();
    assert_eq!(wait_deadline(&[Source::queue(&receiver)], soon()).unwrap(), [0]);
    assert_eq!(receiver.try_get().unwrap(), 5);
}

fn nothing_is_left_behind(_: StartMethod) {
    let (queue, event) = (Queue::<u32>::bounded(4).unwrap(), EventHandle::new().unwrap());
    let (message, _sender) = pipe::<u8>().unwrap();
    let before = own();
    for _ in 0..20 {
        let sources = [Source::queue(&queue), Source::event(&event), Source::fd(&message)];
        let raise = event.clone();
        let later = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            raise.set();
        });
        assert_eq!(wait(&sources, None).unwrap(), [1]);
        later.join().unwrap();
        event.clear();
    }
    eventually("as before", || own() == before);
}

fn nothing_is_left_behind_at_a_timeout(_: StartMethod) {
    let (queue, event) = (Queue::<u32>::bounded(4).unwrap(), Event::new());
    let before = own();
    for _ in 0..20 {
        let sources = [Source::queue(&queue), Source::event(&event)];
        assert_eq!(wait(&sources, Some(Duration::from_millis(2))).unwrap(), []);
    }
    eventually("as before", || own() == before);
    let ready = queue.ready_fd().unwrap();
    assert!(!is_readable(ready));
    assert_eq!(own().0, before.0 + 1, "one descriptor for the queue, however often it is asked");
    assert!(!is_readable(queue.as_fd()));
    assert_eq!(own().0, before.0 + 1);
    drop(queue);
}

fn many_events_and_their_threads(_: StartMethod) {
    let events: Vec<_> = (0..150).map(|_| Event::new()).collect();
    let queue = Queue::<u32>::bounded(4).unwrap();
    let mut sources: Vec<_> = events.iter().map(Source::event).collect();
    let before = own();
    for with_queue in [false, true] {
        if with_queue {
            sources.push(Source::queue(&queue));
        }
        assert_eq!(wait(&sources, Some(SHORT)).unwrap(), []);
        for index in [0, 59, 60, 149] {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(10));
                    events[index].set();
                });
                assert_eq!(in_time(|until| wait_deadline(&sources, until).unwrap()), [index]);
            });
            events[index].clear();
        }
    }
    eventually("as before", || own() == before);
}

/// What kind of source is to become ready, which one of those, and after how many microseconds.
type Order = (usize, usize, u64);
type Shared = (Receiver<Order>, Vec<Queue<u32>>, Vec<EventHandle>);

/// Any mixture of sources, of which another process makes one ready: that one is found.
fn random_sources(method: StartMethod) {
    const KINDS: usize = 4;
    let queues: Vec<_> = (0..KINDS).map(|_| Queue::<u32>::bounded(4).unwrap()).collect();
    let events: Vec<_> = (0..KINDS).map(|_| EventHandle::new().unwrap()).collect();
    let (pipes, senders): (Vec<PipeReceiver<u32>>, Vec<_>) =
        (0..KINDS).map(|_| pipe().unwrap()).unzip();
    let (orders, to_orders) = Queue::<Order>::bounded(1)
        .map(Queue::split)
        .map(|(sender, receiver)| (receiver, sender))
        .unwrap();
    let shared = (orders, queues.clone(), events.clone());
    let raise = move |(orders, queues, events): Shared, mut senders: Vec<ipc_pipe::Sender<u32>>| {
        for order in &orders {
            let (kind, index, pause) = order.unwrap();
            std::thread::sleep(Duration::from_micros(pause));
            match kind {
                0 => queues[index].put(1).unwrap(),
                1 => events[index].set(),
                _ => senders[index].send(&1).unwrap(),
            }
        }
    };
    let child = Process::new(raise, (shared, senders)).start_method(method).start().unwrap();
    let mut pipes = pipes;
    let (mut random, end) = (Random(77), Instant::now() + Duration::from_secs(3));
    let before = own();
    while Instant::now() < end {
        let mut places: Vec<(usize, usize)> = Vec::new();
        for _ in 0..=random.next() % 6 {
            places.push((random.next() as usize % 3, random.next() as usize % KINDS));
        }
        let wanted = places[random.next() as usize % places.len()];
        to_orders.put((wanted.0, wanted.1, u64::from(random.next() % 300))).unwrap();
        let sources: Vec<_> = places
            .iter()
            .map(|&(kind, index)| match kind {
                0 => Source::queue(&queues[index]),
                1 => Source::event(&events[index]),
                _ => Source::fd(&pipes[index]),
            })
            .collect();
        let ready = in_time(|deadline| wait_deadline(&sources, deadline).unwrap());
        // One that is there twice may have become ready between two looks.
        assert!(!ready.is_empty());
        assert!(ready.iter().all(|&at| places[at] == wanted), "{ready:?} of {places:?}");
        match wanted {
            (0, index) => assert_eq!(queues[index].try_get().unwrap(), 1),
            (1, index) => events[index].clear(),
            (_, index) => assert_eq!(pipes[index].recv().unwrap(), 1),
        }
    }
    eventually("as before", || own() == before);
    drop(to_orders);
    child.join().unwrap();
}
