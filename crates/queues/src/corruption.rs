//! Another process writes over the memory of a queue: every operation gives a value or an error, in
//! time, and touches nothing outside of the queue.
#![allow(unsafe_code, reason = "writes over shared memory")]

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::control::Control;
use crate::joinable::JoinableQueue;
use crate::queue::Queue;
use crate::shape::Shape;

/// How long an operation may wait that finds nonsense.
const SHORT: Duration = Duration::from_micros(300);

/// Numbers that mean something to somebody.
const EXTREMES: [u32; 12] =
    [0, 1, 2, 3, 4, 63, 64, 1 << 31, (1 << 31) - 1, u32::MAX, u32::MAX - 1, 0x8000_0001];

/// Random numbers, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 24) as u32
    }

    /// A number of some size, or one that means something.
    fn word(&mut self) -> u32 {
        match self.next() % 4 {
            0 => self.next(),
            1 => self.next() % 200,
            2 => 1 << (self.next() % 32),
            _ => EXTREMES[self.next() as usize % EXTREMES.len()],
        }
    }
}

/// The kinds of queues, with few addresses: nonsense may ask for memory for all of them.
fn queues() -> [JoinableQueue<Vec<u8>>; 4] {
    let small = |shape: Shape| Shape { cycle: 1 << 16, room: 1 << 16, ..shape };
    let bounded = small(Shape::of_items(8).unwrap());
    let bytes = Shape::of_bytes(2048).unwrap();
    let unbounded = small(Shape::of_no_bound());
    let joinable = Shape { counts_tasks: 1, ..bounded };
    [bounded, bytes, unbounded, joinable]
        .map(|shape| JoinableQueue(Queue::with_shape(shape).unwrap()))
}

/// The words of the control block, and of the ring's beginning.
fn words(queue: &Queue<Vec<u8>>, ring: bool) -> &[AtomicU32] {
    let memory = queue.receiving().shared.ring.memory();
    let begin: *const Control = memory.control();
    let control = size_of::<Control>();
    let (skipped, bytes) = if ring { (control.next_multiple_of(4096), 1024) } else { (0, control) };
    let first = begin.cast::<u8>().wrapping_add(skipped).cast::<AtomicU32>();
    // SAFETY: the region begins with a control block, behind which the ring has a kilobyte at least,
    // from the next page on. Both are mapped while the queue lives, and atomics or read as such.
    unsafe { std::slice::from_raw_parts(first, bytes / 4) }
}

/// A state in which there is something of everything.
fn busy(queue: &JoinableQueue<Vec<u8>>, work: impl FnOnce()) {
    let file = || std::fs::File::open("/dev/null").unwrap();
    let with_descriptor: Queue<ipc_pipe::Handle<OwnedFd>> = disguised(queue);
    with_descriptor.put(ipc_pipe::Handle(file().into())).unwrap();
    queue.put_many((0..3).map(|len| vec![7; len * 20])).unwrap();
    let lease = disguised::<Vec<u8>>(queue);
    let lease = lease.get_ref().map(|item| item.len());
    assert!(lease.is_ok());
    let (one, two) = (queue.get_leased().unwrap(), queue.get_ref().unwrap());
    work();
    drop((one, two));
}

/// The same queue for items of another type.
fn disguised<T>(queue: &Queue<Vec<u8>>) -> Queue<T> {
    Queue::new(queue.sender().end, queue.receiver().end)
}

/// Every operation. None may panic, or wait for longer than it was told.
fn use_it(queue: &JoinableQueue<Vec<u8>>) {
    let mut buffer = Vec::new();
    let _ = (queue.len(), queue.is_empty(), queue.is_full(), queue.capacity(), queue.is_closed());
    let _ = (format!("{queue:?}"), queue.unfinished());
    let _ = queue.put_timeout(vec![1; 30], SHORT);
    let _ = queue.put_many_timeout([vec![1; 30], vec![2; 500]], SHORT);
    drop(queue.reserve_timeout(100, SHORT).map(crate::Reservation::commit));
    let _ = queue.get_timeout(SHORT);
    let _ = queue.get_many_timeout(3, SHORT);
    let _ = queue.get_bytes_into_timeout(&mut buffer, SHORT);
    let item = queue.get_ref_timeout(SHORT);
    drop(item.map(|item| (item.iter().map(|&byte| u64::from(byte)).sum::<u64>(), item.decode())));
    let lease = queue.get_leased_timeout(SHORT);
    let other = queue.get_leased_timeout(SHORT);
    drop(lease.map(crate::Leased::acknowledge));
    drop(other);
    let _ = queue.task_done();
    let _ = queue.join_timeout(SHORT);
    let _ = queue.put_timeout(vec![1; 3000], SHORT);
    let _ = queue.get_timeout(SHORT);
}

/// Has a thread of its own do it: a lock that is written over may stay with who has it.
fn in_thread(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(work);
        let begin = Instant::now();
        while !thread.is_finished() {
            assert!(begin.elapsed() < Duration::from_secs(60), "an operation hangs");
            std::thread::sleep(Duration::from_micros(50));
        }
    });
}

#[test]
fn each_word_in_turn() {
    let count = size_of::<Control>() / 4;
    // The places of the table are alike: the first few are in use.
    let places = count - crate::takes::PLACES * 16..count;
    let is_alike = |at: usize| places.contains(&at) && at - places.start >= 5 * 16;
    let mut random = Random(3);
    for at in (0..count).filter(|&at| !is_alike(at)) {
        let queues = queues();
        let queue = &queues[at % 4];
        let value = random.word();
        in_thread(|| {
            busy(queue, || words(queue, false)[at].store(value, Relaxed));
            use_it(queue);
        });
    }
}

#[test]
fn marks_and_counts_with_every_extreme() {
    let used = size_of::<Control>() / 4 - crate::takes::PLACES * 16;
    let changing: Vec<usize> = {
        let queue = &queues()[0];
        let before: Vec<u32> = words(queue, false).iter().map(|word| word.load(Relaxed)).collect();
        busy(queue, || {});
        let after = words(queue, false).iter().map(|word| word.load(Relaxed));
        (0..)
            .zip(before.into_iter().zip(after))
            .filter(|(_, (a, b))| a != b)
            .map(|(at, _)| at)
            .filter(|&at| at < used + 32)
            .collect()
    };
    for at in changing {
        for value in EXTREMES {
            let queues = queues();
            let queue = &queues[(at + value as usize) % 4];
            in_thread(|| {
                busy(queue, || words(queue, false)[at].store(value, Relaxed));
                use_it(queue);
            });
        }
    }
}

#[test]
fn everything_at_random() {
    for seed in 1..150_u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let queues = queues();
        let queue = &queues[seed as usize % 4];
        let rarely = 1 + random.next() % 40;
        in_thread(|| {
            busy(queue, || {
                for word in words(queue, false).iter().chain(words(queue, true)) {
                    if random.next().is_multiple_of(rarely) {
                        word.store(random.word(), Relaxed);
                    }
                }
            });
            use_it(queue);
        });
    }
}

#[test]
fn headers_at_random() {
    for seed in 1..150_u64 {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let queues = queues();
        let queue = &queues[seed as usize % 4];
        in_thread(|| {
            busy(queue, || {
                for header in words(queue, true).chunks(4) {
                    header[0].store(random.word(), Relaxed);
                    header[1].store(random.next() % 6, Relaxed);
                }
            });
            use_it(queue);
            use_it(queue);
        });
    }
}

/// What was checked may have changed when it is used.
#[test]
fn written_over_while_it_is_used() {
    for queue in &queues() {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut random = Random(77);
                while !done.load(Relaxed) {
                    let words = words(queue, random.next().is_multiple_of(2));
                    words[random.next() as usize % words.len()].store(random.word(), Relaxed);
                    std::thread::yield_now();
                }
            });
            for _ in 0..100 {
                in_thread(|| use_it(queue));
            }
            done.store(true, Relaxed);
        });
    }
}

/// The vault holds what belongs to nobody, or nothing.
#[test]
fn descriptors_that_are_gone() {
    let queues = queues();
    for queue in &queues {
        let handles: Queue<ipc_pipe::Handle<OwnedFd>> = disguised(queue);
        let null = || ipc_pipe::Handle(std::fs::File::open("/dev/null").unwrap().into());
        for _ in 0..3 {
            handles.put(null()).unwrap();
            queue.receiving().shared.vault.discard_front();
        }
        let lost = |error: &crate::GetError| matches!(error, crate::GetError::DescriptorsLost);
        assert!(lost(&handles.get().unwrap_err()));
        assert!(lost(&handles.get_ref().unwrap_err()));
        assert!(lost(&handles.get_leased().unwrap_err()));
        assert!(handles.is_empty(), "they are taken nonetheless");
        assert_eq!(queue.unfinished(), 0, "and owed by nobody");
        let stray = null().0.as_fd().try_clone_to_owned().unwrap();
        queue.receiving().shared.vault.add(1, &[stray]).unwrap();
        handles.put(null()).unwrap();
        handles.get().unwrap();
    }
}
