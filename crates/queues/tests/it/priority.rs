//! What a priority queue does besides: its order, and that this and every item outlive any death.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use ipc_pipe::Handle;
use ipc_shm::Shared;
use procspawn_core::{Process, StartMethod};
use queues::{GetError, PriorityQueue, PutErrorKind};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::MemfdFlags;

use crate::support::{Child, Random, Turn, each_method, only, past, soon};

const MOMENT: Duration = Duration::from_millis(1);

each_method! {
    items_cross, several_producers_and_consumers, sleepers_are_woken, killed_producers_lose_nothing,
    killed_consumers_lose_nothing, descriptors_cross,
}

only! { Spawn: memory_comes_and_goes, descriptors_end_with_their_item }

fn items_cross(method: StartMethod) {
    let queue = PriorityQueue::bounded(4).unwrap();
    let produce = |queue: PriorityQueue<String>| {
        for number in (0..100).rev() {
            queue.put(number, format!("item {number}")).unwrap();
        }
        queue.close();
    };
    let child = Process::new(produce, (queue.clone(),)).start_method(method).start().unwrap();
    let mut numbers = Vec::new();
    while let Ok((priority, item)) = queue.get_with_priority() {
        assert_eq!(item, format!("item {priority}"));
        numbers.push(priority);
    }
    child.join().unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

fn several_producers_and_consumers(method: StartMethod) {
    const EACH: u64 = 2_000;
    let queue = PriorityQueue::bounded(16).unwrap();
    let sums = PriorityQueue::<u64>::unbounded().unwrap();
    let produce = |queue: PriorityQueue<u64>| {
        (0..EACH).for_each(|number| queue.put(number as i64 % 7, number).unwrap());
    };
    let consume = |queue: PriorityQueue<u64>, sums: PriorityQueue<u64>| {
        sums.put(0, queue.iter().map(Result::unwrap).sum()).unwrap();
    };
    let start = |process: Process<()>| process.start_method(method).start().unwrap();
    let producers = [0; 2].map(|_| start(Process::new(produce, (queue.clone(),))));
    let consumers = [0; 2].map(|_| start(Process::new(consume, (queue.clone(), sums.clone()))));
    producers.into_iter().for_each(|child| child.join().unwrap());
    queue.close();
    consumers.into_iter().for_each(|child| child.join().unwrap());
    assert_eq!(sums.get().unwrap() + sums.get().unwrap(), EACH * (EACH - 1));
}

/// However long they have slept.
fn sleepers_are_woken(method: StartMethod) {
    for pause in [Duration::from_millis(10), Duration::from_millis(150)] {
        let queue = PriorityQueue::<u32>::bounded(1).unwrap();
        let taker = || Child::<Option<u32>>::ready(method, &queue, take_one);
        let mut first = taker();
        std::thread::sleep(pause);
        queue.put(0, 7).unwrap();
        assert_eq!(first.join(), Some(7));
        queue.put(0, 1).unwrap();
        let mut putter = Child::ready(method, &queue, put_two);
        std::thread::sleep(pause);
        assert_eq!(queue.get().unwrap(), 1);
        putter.join();
        assert_eq!(queue.get().unwrap(), 2);
        let mut last = taker();
        std::thread::sleep(pause);
        queue.close();
        assert_eq!(last.join(), None);
    }
}

fn take_one(queue: PriorityQueue<u32>, mut turn: Turn) -> Option<u32> {
    turn.ready();
    queue.get_deadline(soon()).ok()
}

fn put_two(queue: PriorityQueue<u32>, mut turn: Turn) {
    turn.ready();
    queue.put_deadline(0, 2, soon()).unwrap();
}

/// How many operations a process has begun, and how many are done.
#[derive(Debug, ipc_shm::Shareable)]
#[repr(C)]
struct Tally {
    begun: AtomicU64,
    done: AtomicU64,
}

impl Tally {
    fn new() -> Shared<Tally> {
        Shared::new(Tally { begun: AtomicU64::new(0), done: AtomicU64::new(0) }).unwrap()
    }

    fn count(&self, operation: impl FnOnce()) {
        self.begun.fetch_add(1, SeqCst);
        operation();
        self.done.fetch_add(1, SeqCst);
    }

    /// What is known of how many operations took effect.
    fn range(&self) -> std::ops::RangeInclusive<u64> {
        self.done.load(SeqCst)..=self.begun.load(SeqCst)
    }
}

/// An item that shows if it is torn: up to five chunks that say which item it is.
fn item(number: u64) -> Vec<u64> {
    vec![number; 1 + number as usize % 60]
}

fn whole(item: &[u64]) -> u64 {
    let number = item[0];
    assert_eq!(item, self::item(number), "a torn item");
    number
}

type Storm = (PriorityQueue<Vec<u64>>, Shared<Tally>);

fn killed_producers_lose_nothing(method: StartMethod) {
    let queue = PriorityQueue::<Vec<u64>>::unbounded().unwrap();
    for round in 0..20 {
        let tally = Tally::new();
        let storm: Storm = (queue.clone(), tally.clone());
        let child = Child::<()>::ready(method, &storm, |(queue, tally): Storm, mut turn: Turn| {
            turn.ready();
            for number in 0.. {
                tally.count(|| queue.put(number as i64 % 5, item(number)).unwrap());
            }
        });
        std::thread::sleep(Duration::from_micros(300 * round));
        child.kill();
        let mut found = BTreeMap::<i64, Vec<u64>>::new();
        let len = queue.len();
        while let Ok((priority, item)) = queue.try_get_with_priority() {
            found.entry(priority).or_default().push(whole(&item));
        }
        let mut all: Vec<u64> = found.values().flatten().copied().collect();
        assert_eq!(all.len(), len);
        assert!(found.values().all(|numbers| numbers.is_sorted()), "out of order");
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..len as u64), "one is missing");
        assert!(tally.range().contains(&(len as u64)), "{len} of {:?}", tally.range());
    }
}

fn killed_consumers_lose_nothing(method: StartMethod) {
    const ALL: u64 = 1_000;
    for round in 0..20 {
        let queue = PriorityQueue::<Vec<u64>>::unbounded().unwrap();
        let items = (0..ALL).map(|number| (number as i64 % 5, item(number)));
        queue.put_many(items).unwrap();
        let child = Child::<()>::ready(method, &queue, take_and_put_back);
        std::thread::sleep(Duration::from_micros(100 * round));
        child.kill();
        let len = queue.len() as u64;
        // It may have died with one in its hands.
        assert!((ALL - 1..=ALL).contains(&len), "{len} are left");
        queue.close();
        let mut all: Vec<u64> = queue.iter().map(|item| whole(&item.unwrap())).collect();
        assert_eq!(all.len() as u64, len);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len() as u64, len, "one is there twice");
    }
}

fn take_and_put_back(queue: PriorityQueue<Vec<u64>>, mut turn: Turn) {
    turn.ready();
    loop {
        let (priority, item) = queue.get_with_priority().unwrap();
        whole(&item);
        queue.put(priority + 5, item).unwrap();
    }
}

fn text_file(text: &str) -> Handle<File> {
    let mut file = File::from(rustix::fs::memfd_create("text", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(text.as_bytes()).unwrap();
    Handle(file)
}

fn text_of(Handle(mut file): Handle<File>) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

type Files = PriorityQueue<(u32, Vec<Handle<File>>)>;

/// Also if they are taken in another order than they were put.
fn descriptors_cross(method: StartMethod) {
    let queue = Files::unbounded().unwrap();
    let produce = |queue: Files| {
        let mut numbers: Vec<u32> = (0..40).collect();
        Random(5).shuffle(&mut numbers);
        for number in numbers {
            let files = (0..number % 3).map(|at| text_file(&format!("{number}.{at}")));
            queue.put(i64::from(number), (number, files.collect())).unwrap();
        }
    };
    Process::new(produce, (queue.clone(),)).start_method(method).start().unwrap().join().unwrap();
    for expected in 0..40 {
        let (number, files) = queue.get().unwrap();
        assert_eq!(number, expected);
        let texts: Vec<_> = files.into_iter().map(text_of).collect();
        let written: Vec<_> = (0..number % 3).map(|at| format!("{number}.{at}")).collect();
        assert_eq!(texts, written);
    }
}

fn descriptors_end_with_their_item(_: StartMethod) {
    let queue = PriorityQueue::<Handle<std::os::fd::OwnedFd>>::unbounded().unwrap();
    let mut ends: Vec<File> = Vec::new();
    // The first is taken last, so all are moved each time.
    for number in 0..200 {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let error = queue.try_put(-number, Handle(writer)).err();
        match error.map(|error| error.kind) {
            None => ends.push(reader.into()),
            Some(PutErrorKind::Full) => break,
            Some(other) => panic!("{other}"),
        }
    }
    assert!(ends.len() >= 32, "room for {} only", ends.len());
    for mut reader in ends.into_iter().rev() {
        drop(queue.try_get().unwrap());
        // Nobody has the other end any more.
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    }
    let (mut reader, writer) = rustix::pipe::pipe().map(|(r, w)| (File::from(r), w)).unwrap();
    queue.put(0, Handle(writer)).unwrap();
    queue.shutdown().unwrap();
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

/// The bytes of shared memory that the system has given to queues of this process.
fn shared_bytes() -> u64 {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_shared = |path: &std::path::PathBuf| {
        std::fs::read_link(path).is_ok_and(|to| to.to_string_lossy().contains("multiproc-shm"))
    };
    let ours = descriptors.map(|entry| entry.path()).filter(is_shared);
    let bytes = |path| std::fs::metadata::<std::path::PathBuf>(path).unwrap().blocks() * 512;
    ours.map(bytes).max().unwrap()
}

fn memory_comes_and_goes(_: StartMethod) {
    let queue = PriorityQueue::unbounded().unwrap();
    assert!(shared_bytes() < 100 << 10, "{}", shared_bytes());
    for _ in 0..2 {
        for number in 0..100_000 {
            queue.put(number % 100, [number; 10]).unwrap();
        }
        assert!(shared_bytes() > 100_000 * 128);
        assert_eq!(queue.iter().take(100_000).flatten().count(), 100_000);
        assert!(shared_bytes() < 6 << 20, "{}", shared_bytes());
    }
    queue.put(0, [0; 10]).unwrap();
    queue.shutdown().unwrap();
    assert!(shared_bytes() < 100 << 10, "{}", shared_bytes());
}

#[test]
fn the_smallest_comes_first_and_equals_in_their_order() {
    let queue = PriorityQueue::unbounded().unwrap();
    let (mut model, mut random) = (BTreeMap::new(), Random(11));
    for number in 0..20_000_u32 {
        let priority = i64::from(random.next() % 50) - 25;
        queue.put(priority, number).unwrap();
        model.insert((priority, number), ());
        // It grows, and shrinks, and grows.
        for _ in 0..random.next() % (1 + number / 4_000 % 2 * 4) {
            let expected = model.pop_first().map(|(key, ())| key);
            assert_eq!(queue.try_get_with_priority().ok(), expected);
        }
        assert_eq!(queue.len(), model.len());
    }
    while let Some((expected, ())) = model.pop_first() {
        assert_eq!(queue.get_with_priority().unwrap(), expected);
    }
    assert!(queue.is_empty());
}

#[test]
fn all_priorities_can_be() {
    let queue = PriorityQueue::unbounded().unwrap();
    for priority in [0, i64::MAX, -1, i64::MIN, 1] {
        queue.put(priority, priority).unwrap();
    }
    assert_eq!(queue.get_many(10).unwrap(), [i64::MIN, -1, 0, 1, i64::MAX]);
}

#[test]
fn a_bound_is_kept() {
    let queue = PriorityQueue::bounded(2).unwrap();
    assert_eq!(queue.capacity(), Some(2));
    queue.put(2, 'b').unwrap();
    assert!(!queue.is_full());
    queue.put(1, 'a').unwrap();
    assert!(queue.is_full());
    let error = queue.try_put(0, 'c').unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::Full));
    assert_eq!(error.into_item(), 'c');
    let error = queue.put_timeout(0, 'c', MOMENT).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::TimedOut));
    let error = queue.put_deadline(0, 'c', past()).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::TimedOut));
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.get().unwrap(), 'a');
    queue.put_timeout(0, 'c', MOMENT).unwrap();
    assert_eq!(queue.try_get_with_priority().unwrap(), (0, 'c'));
    queue.put_deadline(3, 'd', soon()).unwrap();
    assert_eq!(queue.get_many_timeout(1, MOMENT).unwrap(), ['b']);
    assert_eq!(queue.get_deadline(past()).unwrap(), 'd');
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(matches!(queue.get_timeout(MOMENT), Err(GetError::TimedOut)));
    assert!(matches!(queue.get_with_priority_deadline(past()), Err(GetError::TimedOut)));
    assert!(matches!(queue.try_get_many(3).unwrap_err().error, GetError::Empty));
    assert!(PriorityQueue::<()>::bounded(0).is_err());
    assert_eq!(PriorityQueue::<()>::unbounded().unwrap().capacity(), None);
}

#[test]
fn what_does_not_fit_comes_back() {
    let queue = PriorityQueue::bounded(100).unwrap();
    let error = queue.try_put_many((0..150).map(|number| (-number, number))).unwrap_err();
    assert!(error.is_full());
    assert_eq!(error.into_item(), (100..150).map(|number| (-number, number)).collect::<Vec<_>>());
    assert_eq!(queue.get_many(3).unwrap(), [99, 98, 97]);
}

#[test]
fn many_may_be_of_any_length() {
    let queue = PriorityQueue::unbounded().unwrap();
    let item = |number: usize| vec![number as u8; number * number * 200];
    queue.put_many((0..30).map(|number| (-(number as i64), item(number)))).unwrap();
    let mut taken = Vec::new();
    while taken.len() < 30 {
        taken.extend(queue.get_many(4).unwrap());
    }
    assert!(taken.into_iter().rev().eq((0..30).map(item)));
}

#[test]
fn close_lets_drain() {
    let queue = PriorityQueue::unbounded().unwrap();
    queue.put(2, 'b').unwrap();
    queue.put(1, 'a').unwrap();
    queue.close();
    queue.close();
    assert!(queue.is_closed());
    let error = queue.put(0, 'c').unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::Closed));
    assert_eq!(queue.iter().map(Result::unwrap).collect::<String>(), "ab");
    assert!(matches!(queue.get(), Err(GetError::Disconnected)));
    assert!(matches!(queue.try_get(), Err(GetError::Disconnected)));
}

#[test]
fn shutdown_throws_away() {
    let queue = PriorityQueue::unbounded().unwrap();
    queue.put_many((0..1000).map(|number| (number, number))).unwrap();
    queue.shutdown().unwrap();
    queue.shutdown().unwrap();
    assert!(queue.is_empty());
    assert!(matches!(queue.get(), Err(GetError::Disconnected)));
    assert!(matches!(queue.put(0, 0).unwrap_err().kind, PutErrorKind::Closed));
    assert_eq!((&queue).into_iter().count(), 0);
}

#[test]
fn close_wakes_those_who_wait() {
    let queue = PriorityQueue::<u32>::bounded(1).unwrap();
    std::thread::scope(|scope| {
        let taker = scope.spawn(|| queue.get_deadline(soon()));
        std::thread::sleep(Duration::from_millis(120));
        queue.close();
        assert!(matches!(taker.join().unwrap(), Err(GetError::Disconnected)));
    });
    let queue = PriorityQueue::<u32>::bounded(1).unwrap();
    queue.put(0, 0).unwrap();
    std::thread::scope(|scope| {
        let putter = scope.spawn(|| queue.put_deadline(0, 1, soon()));
        std::thread::sleep(Duration::from_millis(120));
        queue.close();
        let error = putter.join().unwrap().unwrap_err();
        assert!(matches!(error.kind, PutErrorKind::Closed));
    });
}

#[test]
fn what_is_no_item_is_an_error_about_it() {
    let numbers = PriorityQueue::<u8>::unbounded().unwrap();
    let bytes = ipc_pipe::Message::encode(&numbers).unwrap();
    let words: PriorityQueue<String> = bytes.decode().unwrap();
    numbers.put(0, 200).unwrap();
    words.put(1, "word".to_string()).unwrap();
    let all: Vec<_> = words.iter().take(2).collect();
    assert!(all[0].as_ref().is_err_and(GetError::is_about_item));
    assert_eq!(all[1].as_ref().unwrap(), "word");
}

#[test]
fn long_items_are_whole() {
    let queue = PriorityQueue::unbounded().unwrap();
    let lengths = [0, 96, 97, 5_000, 1 << 20, (16 << 20) + 1];
    let item = |len: usize| (0..len).map(|at| (at / 7) as u8).collect::<Vec<u8>>();
    for len in lengths {
        queue.put(-(len as i64), item(len)).unwrap();
    }
    for len in lengths.into_iter().rev() {
        let taken = queue.try_get().unwrap();
        assert!(taken == item(len), "{} bytes instead of {len}", taken.len());
    }
}

#[test]
fn it_can_be_polled() {
    let queue = PriorityQueue::<u32>::unbounded().unwrap();
    let is_readable = |queue: &PriorityQueue<u32>| {
        let fd = queue.as_fd();
        let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    };
    assert!(!is_readable(&queue));
    queue.put(0, 0).unwrap();
    assert!(is_readable(&queue));
    queue.get().unwrap();
    assert!(!is_readable(&queue));
    std::thread::scope(|scope| {
        let fd = queue.as_fd();
        let poller = scope.spawn(move || {
            let mut polled = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
            rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 40, tv_nsec: 0 }))
        });
        queue.put(0, 0).unwrap();
        assert_eq!(poller.join().unwrap(), Ok(1));
    });
    queue.get().unwrap();
    queue.close();
    assert!(is_readable(&queue));
}
