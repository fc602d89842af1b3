//! Waiting for several things: queues, descriptors, events, and what is given out to be polled.

use std::fs::read_dir;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ipc_pipe::{Receiver as PipeReceiver, pipe};
use procspawn_core::{Process, StartMethod};
use queues::{
    GetError, JoinableQueue, Queue, Receiver, Sender, SimpleQueue, Source, wait, wait_deadline,
};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sync_primitives::Event;
use sync_primitives::handles::Event as EventHandle;

use crate::support::{Child, Random, Turn, each_method, eventually, in_time, only, past, soon};

each_method! {
    a_put_wakes, a_put_wakes_one_who_waits_for_events_too, an_event_wakes, a_death_wakes, close_wakes,
    the_last_sender_wakes, a_killed_sender_wakes, a_killed_consumer_returns_what_was_lent,
    registered_once_every_item_is_seen,
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

/// Looks at a descriptor.
fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    poll(&mut polled, Some(&Timespec::default())).unwrap() == 1
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
fn a_descriptor_says_what_there_is() {
    let (sender, receiver) = Queue::bounded(10).unwrap().split();
    sender.put(1).unwrap();
    let ready = receiver.ready_fd().unwrap();
    assert!(is_readable(ready));
    sender.put(2).unwrap();
    assert_eq!(receiver.try_get().unwrap(), 1);
    assert!(is_readable(ready));
    assert_eq!(receiver.try_get().unwrap(), 2);
    for _ in 0..3 {
        assert!(matches!(receiver.try_get(), Err(GetError::Empty)));
        assert!(!is_readable(ready));
        sender.put(3).unwrap();
        assert!(is_readable(ready));
        assert_eq!(receiver.clone().get_timeout(SHORT).unwrap(), 3);
        assert!(matches!(receiver.get_timeout(SHORT), Err(GetError::TimedOut)));
        assert!(!is_readable(ready));
        sender.put(3).unwrap();
        assert_eq!(receiver.get_many(9).unwrap(), [3]);
        assert!(receiver.try_get_many(9).is_err());
        assert!(!is_readable(ready));
    }
    sender.put(4).unwrap();
    drop(receiver.get_leased().unwrap());
    assert!(is_readable(ready));
    drop(sender);
    assert!(is_readable(ready));
    assert_eq!(receiver.try_get().unwrap(), 4);
    assert!(matches!(receiver.try_get(), Err(GetError::Disconnected)));
    assert!(is_readable(ready));
    assert!(is_readable(receiver.as_fd()));
}

#[test]
fn a_descriptor_tells_of_close_and_shutdown() {
    for end in [|queue: &Queue<u8>| queue.close(), |queue: &Queue<u8>| queue.shutdown().unwrap()] {
        let queue = Queue::<u8>::bounded(10).unwrap();
        let (ready, other) = (queue.ready_fd().unwrap(), queue.receiver());
        assert!(!is_readable(ready) && !is_readable(other.as_fd()));
        end(&queue);
        assert!(is_readable(ready));
        assert!(matches!(queue.try_get(), Err(GetError::Disconnected)));
        assert!(is_readable(ready) && is_readable(other.as_fd()));
    }
}

#[test]
fn a_descriptor_does_not_tell_of_an_end_that_is_not_there() {
    for close in [true, false] {
        let (sender, receiver) = Queue::<u32>::bounded(10).unwrap().split();
        let ready = receiver.ready_fd().unwrap();
        sender.put(1).unwrap();
        // The lease of another thread, as our own would not keep us.
        let (taken, done) = (Event::new(), Event::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let lease = receiver.get_leased().unwrap();
                taken.set();
                done.wait();
                lease.acknowledge();
            });
            taken.wait();
            if close {
                sender.close();
            }
            drop(sender);
            assert!(matches!(receiver.try_get(), Err(GetError::Empty)));
            assert!(!is_readable(ready), "closed: {close}");
            done.set();
            eventually("readable", || is_readable(ready));
        });
        assert!(matches!(receiver.try_get(), Err(GetError::Disconnected)));
        assert!(is_readable(ready));
    }
}

#[test]
fn a_descriptor_is_readable_while_a_reservation_is_open() {
    let queue = Queue::<u32>::bounded(10).unwrap();
    let ready = queue.ready_fd().unwrap();
    let reservation = queue.reserve(4).unwrap();
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(is_readable(ready));
    drop(reservation);
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(!is_readable(ready));
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

fn registered_once_every_item_is_seen(method: StartMethod) {
    const EACH: u32 = 500;
    let (sender, receiver) = Queue::<u32>::bounded(8).unwrap().split();
    let produce = |sender: Sender<u32>, seed: u64| {
        let mut random = Random(seed);
        for number in 0..EACH {
            sender.put(number).unwrap();
            if random.next().is_multiple_of(8) {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    };
    // It takes some items away.
    let consume = |receiver: Receiver<u32>| receiver.iter().map(Result::unwrap).count();
    let start =
        |seed| Process::new(produce, (sender.clone(), seed)).start_method(method).start().unwrap();
    let producers = [start(1), start(2)];
    drop(sender);
    let consumer = Process::new(consume, (receiver.clone(),)).start_method(method).start().unwrap();
    let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
    let data = EventData::new_u64(7);
    epoll::add(&epoll, &receiver, data, EventFlags::IN).unwrap();
    let taken = in_time(|_| count_by_epoll(epoll.as_fd(), &receiver));
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    assert_eq!(taken + consumer.join().unwrap(), 2 * EACH as usize);
}

/// Takes everything up to the end of the stream, and sleeps by the epoll only.
fn count_by_epoll(epoll: BorrowedFd<'_>, receiver: &Receiver<u32>) -> usize {
    let (mut count, limit) = (0, Timespec { tv_sec: 40, tv_nsec: 0 });
    loop {
        match receiver.try_get() {
            Ok(_) => count += 1,
            Err(GetError::Disconnected) => return count,
            Err(error) => {
                assert!(error.is_empty());
                let mut events = Vec::with_capacity(4);
                let room = rustix::buffer::spare_capacity(&mut events);
                epoll::wait(epoll, room, Some(&limit)).unwrap();
                assert_eq!(events.len(), 1, "it hangs");
            }
        }
    }
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

/// Any mixture of sources, of which another process makes one ready: that one is found.
fn random_sources(method: StartMethod) {
    const KINDS: usize = 4;
    let queues: Vec<_> = (0..KINDS).map(|_| Queue::<u32>::bounded(4).unwrap()).collect();
    let events: Vec<_> = (0..KINDS).map(|_| EventHandle::new().unwrap()).collect();
    let (pipes, senders): (Vec<PipeReceiver<u32>>, Vec<_>) =
        (0..KINDS).map(|_| pipe().unwrap()).unzip();
    let (orders, to_orders) = Queue::<(usize, usize, u64)>::bounded(1)
        .map(Queue::split)
        .map(|(sender, receiver)| (receiver, sender))
        .unwrap();
    let shared = (orders, queues.clone(), events.clone());
    type Shared = (Receiver<(usize, usize, u64)>, Vec<Queue<u32>>, Vec<EventHandle>);
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
        let all: Vec<_> = (0..places.len()).filter(|&at| places[at] == wanted).collect();
        assert_eq!(ready, all, "{places:?}");
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
