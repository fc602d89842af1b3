//! What a queue gives out to be polled.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use procspawn_core::{Process, StartMethod};
use queues::{GetError, Queue, Receiver, Sender};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sync_primitives::Event;

use crate::support::{Random, each_method, eventually, in_time};

each_method! { registered_once_every_item_is_seen }

const SHORT: Duration = Duration::from_millis(20);

/// Looks at a descriptor.
pub(crate) fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(descriptor, PollFlags::IN)];
    poll(&mut polled, Some(&Timespec::default())).unwrap() == 1
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
