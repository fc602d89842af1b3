//! What an item can be: of any length, of any type, and what happens if it is none.

use std::collections::BTreeMap;
use std::time::Duration;

use ipc_pipe::{Bytes, carry};
use procspawn_core::{RemoteFn, StartMethod};
use queues::{GetError, JoinableQueue, PutErrorKind, Queue};
use serde::{Deserialize, Serialize, Serializer};

use crate::kinds::{Handle, How, Kind, Made, each_kind};
use crate::support::{Child, Turn, each_method, only, skip};
use crate::system::memory;

each_kind! { all here:
    every_length_around_a_unit, lengths_around_what_the_ring_takes, nothing_as_an_item, structures,
    an_item_that_refuses, an_item_that_panics, an_item_that_puts,
}
each_kind! { made here:
    bytes_of_every_length, garbage_among_items, another_type, many_with_one_that_refuses,
    many_with_garbage_among_them, bytes_in_every_form,
}
each_kind! { all each_method: long_items_cross }
each_method! { functions_as_items }
only! { Spawn: a_gigabyte }

/// Bytes that tell whether some are missing or out of place.
fn pattern(len: usize) -> Vec<u8> {
    // A prime, so that no page and no unit looks like another.
    let mut bytes = Vec::from_iter(0..251_u8).repeat(len / 251 + 1);
    bytes.truncate(len);
    bytes
}

fn every_length_around_a_unit<K: Kind>() {
    let queue = K::fresh::<Vec<u8>>();
    for len in 0..300 {
        queue.give(pattern(len));
        queue.give(pattern(len + 1));
        assert_eq!((queue.have(), queue.have()), (pattern(len), pattern(len + 1)), "{len}");
    }
}

fn lengths_around_what_the_ring_takes<K: Kind>() {
    let queue = K::fresh::<Bytes>();
    // Half of the smallest ring, a page, what is copied under the lock, what is in the ring at all.
    for border in [512, 1024, 4096, 16 << 10, 32 << 10, 64 << 10, 1 << 20, 16 << 20] {
        let step = if border < 1 << 17 { 1 } else { 13 };
        for len in (border - 36..border + 36).step_by(step) {
            queue.give(Bytes::from(pattern(len)));
            assert!(queue.have()[..] == pattern(len), "{len} bytes are not what they were");
        }
    }
}

fn bytes_of_every_length<K: Made>() {
    let queue = K::queue::<()>();
    let mut buffer = vec![1; 5];
    for len in (0..600).chain([4096, 16 << 10, 16 << 20, 17 << 20]) {
        queue.put_bytes(&pattern(len)).unwrap();
        assert_eq!(queue.get_bytes_into(&mut buffer).unwrap(), len);
        assert!(buffer == pattern(len), "{len} bytes are not what they were");
        queue.put_bytes(&pattern(len)).unwrap();
        assert!(queue.get_bytes().unwrap() == buffer);
        queue.put_bytes(&pattern(len)).unwrap();
        assert!(*queue.get_ref().unwrap() == buffer);
    }
}

fn bytes_in_every_form<K: Made>() {
    let (queue, mut buffer) = (K::queue::<()>(), Vec::new());
    let (soon, time) = (crate::support::soon(), Duration::MAX);
    queue.try_put_bytes(b"a").unwrap();
    queue.put_bytes_timeout(b"b", time).unwrap();
    queue.put_bytes_deadline(b"c", soon).unwrap();
    assert_eq!(queue.try_get_bytes().unwrap(), b"a");
    assert_eq!(queue.get_bytes_timeout(time).unwrap(), b"b");
    assert_eq!(queue.get_bytes_deadline(soon).unwrap(), b"c");
    for _ in 0..3 {
        queue.put_bytes(b"x").unwrap();
    }
    assert_eq!(queue.try_get_bytes_into(&mut buffer).unwrap(), 1);
    assert_eq!(queue.get_bytes_into_timeout(&mut buffer, time).unwrap(), 1);
    assert_eq!(queue.get_bytes_into_deadline(&mut buffer, soon).unwrap(), 1);
    assert!(matches!(queue.try_get_bytes(), Err(GetError::Empty)));
    let past = crate::support::past();
    assert!(matches!(queue.get_bytes_deadline(past), Err(GetError::TimedOut)));
    let error = queue.get_bytes_into_timeout(&mut buffer, Duration::ZERO).unwrap_err();
    assert!(error.is_empty());
}

fn nothing_as_an_item<K: Kind>() {
    let queue = K::fresh::<()>();
    (0..20).for_each(|_| queue.give(()));
    (0..20).for_each(|_| queue.have());
    assert!(queue.is_empty());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle { radius: f64 },
    Polygon(Vec<(i32, i32)>),
    Named(String, Box<Shape>),
}

fn structures<K: Kind>() {
    let queue = K::fresh::<(Shape, BTreeMap<u16, Option<char>>)>();
    let polygon = Shape::Polygon(vec![(1, -2), (i32::MIN, i32::MAX)]);
    let named = Shape::Named("näme".to_string(), Box::new(polygon.clone()));
    for shape in [Shape::Point, Shape::Circle { radius: 0.1 }, polygon, named] {
        let item = (shape, BTreeMap::from([(1, None), (2, Some('x'))]));
        queue.give(item.clone());
        assert_eq!(queue.have(), item);
    }
}

fn long_items_cross<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<Bytes>();
    let lens = [1 << 10, 100 << 10, 3 << 20, 20 << 20];
    let produce = |(queue, lens): (K::Of<Bytes>, [usize; 4]), _: Turn| {
        lens.into_iter().for_each(|len| queue.give(pattern(len).into()));
    };
    let mut producer: Child<()> = Child::start(method, &(queue.clone(), lens), produce);
    for len in lens {
        assert!(queue.have()[..] == pattern(len), "{len} bytes are not what they were");
    }
    producer.join();
}

/// It needs the item three times: in the sender's hands, on its way, and in the receiver's.
fn a_gigabyte(_: StartMethod) {
    const LEN: usize = 1 << 30;
    if memory("MemAvailable") < 4 << 30 {
        return skip("less than 4 GiB of memory are available");
    }
    let queue = Queue::<()>::bounded(1).unwrap();
    let mut item = vec![0_u8; LEN];
    (item[0], item[LEN / 2], item[LEN - 1]) = (1, 2, 3);
    queue.put_bytes(&item).unwrap();
    assert_eq!((queue.len(), queue.is_full()), (1, true));
    item.clear();
    assert_eq!(queue.get_bytes_into(&mut item).unwrap(), LEN);
    assert_eq!((item[0], item[LEN / 2], item[LEN - 1]), (1, 2, 3));
    assert!(crate::system::bytes_of_queues() < 1 << 20, "its memory is gone");
}

fn functions_as_items(method: StartMethod) {
    type Job = (RemoteFn<(u32,), u32>, u32);
    let jobs = Queue::<Job>::bounded(4).unwrap();
    let results = Queue::<u32>::unbounded().unwrap();
    let work = |(jobs, results): (Queue<Job>, Queue<u32>), _: Turn| {
        for job in &jobs {
            let (function, number) = job.unwrap();
            results.put(function.call((number,))).unwrap();
        }
    };
    let mut worker: Child<()> = Child::start(method, &(jobs.clone(), results.clone()), work);
    let double: RemoteFn<(u32,), u32> = RemoteFn::new(|number: u32| 2 * number);
    let square: RemoteFn<(u32,), u32> = RemoteFn::new(|number: u32| number * number);
    jobs.put((double, 7)).unwrap();
    jobs.put((square, 7)).unwrap();
    assert_eq!((results.get().unwrap(), results.get().unwrap()), (14, 49));
    jobs.close();
    worker.join();
}

/// An item that cannot be put.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
enum Moody {
    Fine(u8),
    Refuses,
    Panics,
}

impl Serialize for Moody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // As derived.
            Moody::Fine(number) => serializer.serialize_newtype_variant("Moody", 0, "Fine", number),
            Moody::Refuses => Err(serde::ser::Error::custom("not today")),
            Moody::Panics => std::panic::resume_unwind(Box::new("in the middle")),
        }
    }
}

fn an_item_that_refuses<K: Kind>() {
    let queue = K::fresh::<Moody>();
    queue.give(Moody::Fine(1));
    for how in [How::Wait, How::Now, How::For(Duration::ZERO)] {
        let error = queue.put(Moody::Refuses, how).unwrap_err();
        assert!(matches!(error.kind, PutErrorKind::Encode(_)));
        assert!(error.to_string().contains("not today"), "{error}");
        assert_eq!(error.into_item(), Moody::Refuses);
    }
    queue.give(Moody::Fine(2));
    assert_eq!((queue.have(), queue.have()), (Moody::Fine(1), Moody::Fine(2)));
    assert!(queue.is_empty());
}

/// The only place is not used up by an item that does not come.
#[test]
fn an_item_that_refuses_takes_no_place() {
    let queue = Queue::bounded(1).unwrap();
    assert!(queue.put(Moody::Refuses).is_err());
    queue.try_put(Moody::Fine(1)).unwrap();
    assert!(queue.is_full());
    assert!(matches!(queue.put(Moody::Refuses).unwrap_err().kind, PutErrorKind::Encode(_)));
    assert_eq!(queue.get().unwrap(), Moody::Fine(1));
}

fn an_item_that_panics<K: Kind>() {
    let queue = K::fresh::<Moody>();
    queue.give(Moody::Fine(1));
    let other = queue.clone();
    let panics = std::thread::spawn(move || other.put(Moody::Panics, How::Wait).is_ok());
    assert!(panics.join().is_err());
    queue.give(Moody::Fine(2));
    assert_eq!((queue.have(), queue.have()), (Moody::Fine(1), Moody::Fine(2)));
}

fn many_with_one_that_refuses<K: Made>() {
    let queue = K::queue();
    let items = [Moody::Fine(1), Moody::Fine(2), Moody::Refuses, Moody::Fine(3)];
    let error = queue.put_many(items).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::Encode(_)));
    assert_eq!(error.item, items[2..]);
    assert_eq!(queue.get_many(9).unwrap(), items[..2]);
}

/// An item that puts others into queues while it is encoded.
#[derive(Clone, Deserialize)]
#[serde(bound = "")]
struct Puts<H: Handle<Vec<u8>>> {
    into: H,
}

impl<H: Handle<Vec<u8>>> Serialize for Puts<H> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.into.give(vec![1; 90]);
        serializer.serialize_newtype_struct("Puts", &self.into)
    }
}

fn an_item_that_puts<K: Kind>() {
    let (inner, outer) = (K::fresh::<Vec<u8>>(), K::fresh::<Puts<K::Of<Vec<u8>>>>());
    outer.give(Puts { into: inner.clone() });
    assert_eq!(inner.have(), [1; 90]);
    outer.have().into.give(vec![2]);
    assert_eq!(inner.have(), [2]);
    assert!(inner.is_empty() && outer.is_empty());
}

/// As `Puts`, into the queue that it is itself on the way to.
#[test]
fn an_item_that_puts_into_its_own_queue() {
    #[derive(Deserialize)]
    struct Twice(Queue<Twice>, u8);
    impl Serialize for Twice {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.1 > 0 {
                self.0.put(Twice(self.0.clone(), self.1 - 1)).unwrap();
            }
            (&self.0, self.1).serialize(serializer)
        }
    }
    let queue = Queue::bounded(9).unwrap();
    queue.put(Twice(queue.clone(), 3)).unwrap();
    assert_eq!([(); 4].map(|()| queue.get().unwrap().1), [0, 1, 2, 3]);
}

fn is_decode<T: std::fmt::Debug>(result: &Result<T, GetError>) -> bool {
    matches!(result, Err(error @ GetError::Decode(_)) if error.is_about_item())
}

fn garbage_among_items<K: Made>() {
    let queue = K::queue::<String>();
    for garbage in [&b""[..], &[0xff; 20], &[5, b'a'], &[2, 0xc3, 0x28]] {
        queue.put_bytes(garbage).unwrap();
        queue.put("fine".to_string()).unwrap();
        assert!(is_decode(&queue.get()), "{garbage:?}");
        assert_eq!(queue.get().unwrap(), "fine");
        queue.put_bytes(garbage).unwrap();
        queue.put("fine".to_string()).unwrap();
        assert!(is_decode(&queue.get_ref().unwrap().decode()), "{garbage:?}");
        assert!(queue.try_get_leased().is_ok_and(|lease| lease.acknowledge() == "fine"));
        queue.put_bytes(garbage).unwrap();
        assert!(queue.get_leased().is_err_and(|error| error.is_about_item()));
        assert!(queue.is_empty(), "it is not given out again");
    }
}

fn many_with_garbage_among_them<K: Made>() {
    let queue = K::queue::<String>();
    queue.put("one".to_string()).unwrap();
    queue.put_bytes(&[0xff; 20]).unwrap();
    queue.put("two".to_string()).unwrap();
    let error = queue.get_many(9).unwrap_err();
    assert_eq!(error.items, ["one", "two"]);
    assert!(error.error.is_about_item());
    queue.put_bytes(&[0xff; 20]).unwrap();
    queue.put("three".to_string()).unwrap();
    queue.close();
    let items: Vec<_> = queue.iter().collect();
    assert!(is_decode(&items[0]) && items.len() == 2, "the iterator goes on: {items:?}");
}

/// A stranger was given the handle as one of another type.
fn another_type<K: Made>() {
    let numbers = K::queue::<u8>();
    let (mut bytes, mut descriptors) = (Vec::new(), Vec::new());
    carry::encode(&numbers, &mut bytes, &mut descriptors).unwrap();
    let strings: Queue<String> = carry::decode(&bytes, descriptors).unwrap();
    numbers.put(200).unwrap();
    assert!(is_decode(&strings.get()));
    strings.put("abc".to_string()).unwrap();
    numbers.put(7).unwrap();
    assert!(is_decode(&numbers.get()), "there is more of it than one number");
    assert_eq!(numbers.get().unwrap(), 7);
}

#[test]
fn an_item_that_cannot_be_decoded_is_done() {
    let queue = JoinableQueue::<String>::unbounded().unwrap();
    queue.put_bytes(&[0xff; 20]).unwrap();
    queue.put_bytes(&[0xff; 20]).unwrap();
    assert!(is_decode(&Queue::get(&queue)));
    assert!(queue.get_leased().is_err());
    assert_eq!(queue.unfinished(), 0);
    assert!(queue.task_done().is_err());
    queue.join().unwrap();
}
