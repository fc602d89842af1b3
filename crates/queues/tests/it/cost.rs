//! What a queue costs that does nothing, or has done much: memory, descriptors, time.

use std::time::Duration;

use procspawn_core::StartMethod;
use queues::{Queue, Receiver};

use crate::kinds::{Handle, How, Kind, each_kind};
use crate::support::{Child, Turn, each_method, only, run, shared_memory, skip};
use crate::system::{bytes_of_queues, descriptors, memory, processor_time};

each_kind! { all each_method: nothing_is_left }
each_method! { waiting_costs_no_time }
only! { Spawn:
    a_small_queue_is_small, memory_comes_back, memory_comes_back_from_leases, round_in_few_pages,
    memory_of_halves_and_of_long_items,
}

fn nothing_is_left<K: Kind>(method: StartMethod) {
    let work = || {
        let queue = K::fresh::<Vec<u8>>();
        queue.give(vec![1; 100_000]);
        let echo = |queue: K::Of<Vec<u8>>| {
            let item = queue.have();
            queue.give(item);
        };
        run(method, echo, (queue.clone(),));
        assert_eq!(queue.have().len(), 100_000);
    };
    // What starting a process leaves once is not ours.
    work();
    let before = (descriptors(), shared_memory());
    (0..3).for_each(|_| work());
    assert_eq!((descriptors(), shared_memory()), before);
}

/// It sleeps: no clock makes it look again and again.
fn waiting_costs_no_time(method: StartMethod) {
    let (sender, receiver) = Queue::<u8>::unbounded().unwrap().split();
    let wait = |receiver: Receiver<u8>, mut turn: Turn| {
        turn.ready();
        receiver.get().unwrap()
    };
    let mut consumer: Child<u8> = Child::start(method, &receiver, wait);
    consumer.wait_asleep();
    // The first nap is over after 50 ms.
    std::thread::sleep(Duration::from_millis(200));
    let before = processor_time(consumer.pid());
    std::thread::sleep(Duration::from_millis(800));
    let used = processor_time(consumer.pid()) - before;
    assert!(used < Duration::from_millis(4), "{used:?} of the processor's time");
    sender.put(1).unwrap();
    assert_eq!(consumer.join(), 1);
}

fn a_small_queue_is_small(_: StartMethod) {
    let queue = Queue::<u64>::bounded(64).unwrap();
    queue.put_many(0..64).unwrap();
    let bytes = bytes_of_queues();
    assert!(bytes < 64 << 10, "{bytes} bytes");
    drop(queue);
    let _queue = Queue::<u64>::unbounded().unwrap();
    let bytes = bytes_of_queues();
    assert!(bytes < 64 << 10, "{bytes} bytes");
}

/// Puts so many bytes, in items of a length.
fn burst(queue: &Queue<()>, bytes: usize, len: usize) {
    let item = vec![1; len];
    (0..bytes / len).for_each(|_| queue.put_bytes(&item).unwrap());
    assert!(bytes_of_queues() >= bytes as u64);
}

const SMALL: u64 = 8 << 20;

fn memory_comes_back(_: StartMethod) {
    let bytes = 256 << 20;
    if memory("MemAvailable") < 3 * bytes as u64 {
        return skip("less than 768 MiB of memory are available");
    }
    let mut buffer = Vec::new();
    for queue in [Queue::<()>::unbounded().unwrap(), Queue::bounded(1 << 20).unwrap()] {
        for len in [60 << 10, 2 << 20] {
            burst(&queue, bytes, len);
            while queue.try_get_bytes_into(&mut buffer).is_ok() {
                assert_eq!(buffer.len(), len);
            }
            let left = bytes_of_queues();
            assert!(left <= SMALL, "{left} bytes are kept, of items of {len}");
        }
    }
}

fn memory_comes_back_from_leases(_: StartMethod) {
    let queue = Queue::<()>::unbounded().unwrap();
    burst(&queue, 32 << 20, 1 << 20);
    let items: Vec<_> = (0..32).map(|_| queue.get_ref().unwrap()).collect();
    assert!(bytes_of_queues() >= 32 << 20, "they are still there");
    assert!(items.iter().all(|item| item.len() == 1 << 20));
    drop(items);
    let left = bytes_of_queues();
    assert!(left <= SMALL, "{left} bytes are kept");
    queue.put_bytes(b"more").unwrap();
    assert_eq!(queue.get_bytes().unwrap(), b"more");
}

/// A queue that is drained as fast as it is filled needs no more than at the beginning.
fn round_in_few_pages(_: StartMethod) {
    for queue in [Queue::<()>::unbounded().unwrap(), Queue::bounded(10).unwrap()] {
        let before = bytes_of_queues();
        for _ in 0..5_000 {
            queue.put_bytes(&[1; 1000]).unwrap();
            queue.put_bytes(&[2; 3000]).unwrap();
            assert_eq!(queue.get_bytes().unwrap().len(), 1000);
            assert_eq!(queue.get_bytes().unwrap().len(), 3000);
        }
        assert_eq!(bytes_of_queues(), before);
    }
}

fn memory_of_halves_and_of_long_items(_: StartMethod) {
    let before = descriptors();
    let (sender, receiver) = Queue::<()>::bounded(3).unwrap().split();
    let idle = descriptors().len();
    sender.put_bytes(&[1; 17 << 20]).unwrap();
    assert_eq!(descriptors().len(), idle, "its memory lies in the kernel");
    drop(sender);
    assert_eq!(receiver.get_bytes().unwrap().len(), 17 << 20);
    assert_eq!(descriptors().len(), idle - 1);
    drop(receiver);
    assert_eq!(descriptors(), before);
    let _ = Handle::<u8>::get(&Queue::unbounded().unwrap(), How::Now);
}
