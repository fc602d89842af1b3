//! What holds for every kind of queue: order, bounds, the four forms, counts that are exact.

use std::time::{Duration, Instant};

use procspawn_core::StartMethod;
use queues::{GetError, JoinableQueue, PutErrorKind, Queue, Receiver, Sender, SimpleQueue};

use crate::kinds::{Handle, How, Kind, Made, ROOM, each_kind, in_form};
use crate::support::{Child, Turn, each_method, past, run, soon, tid, wait_for_thread};

each_kind! { all here:
    smoke, order, what_is_there_is_got_in_every_form, nothing_is_refused_in_every_form,
    a_consumer_waits, seen_at_once_in_the_same_process, clones_are_one_queue, debug,
}
each_kind! { all each_method:
    order_across_processes, seen_at_once_by_another_process, a_consumer_waits_in_another_process,
    a_handle_that_is_put_into_another_queue, each_producers_order_is_kept,
}
each_kind! { made here:
    a_full_queue_refuses_in_every_form, a_producer_waits, counts_are_exact, many_at_once,
    many_that_find_no_room, many_of_nothing, round_and_round,
}
each_kind! { made each_method: counts_across_processes }
each_method! { exact_between_processes }

/// A form that waits, each in its way.
fn patient() -> [How; 3] {
    [How::Wait, How::For(Duration::MAX), How::Until(soon())]
}

/// A form that does not wait, with whether it says that the time was up.
fn hasty() -> [(How, bool); 4] {
    let zero = How::For(Duration::ZERO);
    [
        (How::Now, false),
        (zero, true),
        (How::Until(past()), true),
        (How::Until(Instant::now()), true),
    ]
}

fn smoke<K: Kind>() {
    let queue = K::fresh::<String>();
    assert!(queue.is_empty());
    queue.give("an item".to_string());
    assert!(!queue.is_empty());
    assert_eq!(queue.have(), "an item");
    assert!(queue.is_empty());
}

fn order<K: Kind>() {
    let queue = K::fresh::<usize>();
    (0..ROOM).for_each(|number| queue.give(number));
    assert_eq!((0..ROOM).map(|_| queue.have()).collect::<Vec<_>>(), Vec::from_iter(0..ROOM));
}

fn what_is_there_is_got_in_every_form<K: Kind>() {
    let queue = K::fresh::<u8>();
    for how in patient().into_iter().chain(hasty().map(|(how, _)| how)) {
        queue.put(7, how).unwrap_or_else(|error| panic!("{error:?} with {how:?}"));
        assert_eq!(queue.get(how).unwrap(), 7, "{how:?}");
    }
}

fn nothing_is_refused_in_every_form<K: Kind>() {
    let queue = K::fresh::<u8>();
    for (how, times_out) in hasty() {
        match queue.get(how).unwrap_err() {
            GetError::Empty => assert!(!times_out, "{how:?}"),
            GetError::TimedOut => assert!(times_out, "{how:?}"),
            error => panic!("{error}"),
        }
    }
    let (before, timeout) = (Instant::now(), Duration::from_millis(70));
    assert!(matches!(queue.get(How::For(timeout)), Err(GetError::TimedOut)));
    assert!(before.elapsed() >= timeout);
    let deadline = Instant::now() + Duration::from_millis(5);
    assert!(matches!(queue.get(How::Until(deadline)), Err(GetError::TimedOut)));
    assert!(Instant::now() >= deadline);
}

fn a_consumer_waits<K: Kind>() {
    for how in patient() {
        let queue = K::fresh::<u8>();
        let (sender, begun) = std::sync::mpsc::channel();
        let consumer = std::thread::spawn({
            let queue = queue.clone();
            move || {
                sender.send(tid()).unwrap();
                queue.get(how).unwrap()
            }
        });
        wait_for_thread(begun.recv().unwrap());
        queue.give(5);
        assert_eq!(consumer.join().unwrap(), 5);
    }
}

fn seen_at_once_in_the_same_process<K: Kind>() {
    let queue = K::fresh::<u32>();
    for number in 0..1000 {
        queue.put(number, How::Now).unwrap();
        assert!(!queue.is_empty());
        assert_eq!(queue.get(How::Now).unwrap(), number);
        assert!(queue.is_empty());
    }
}

fn clones_are_one_queue<K: Kind>() {
    let queue = K::fresh::<u8>();
    let other = queue.clone();
    queue.give(1);
    drop(queue);
    assert_eq!(other.have(), 1);
}

fn debug<K: Kind>() {
    fn send_and_sync<T: Send + Sync>(_: &T) {}
    let queue = K::fresh::<std::cell::Cell<u8>>();
    // A handle may go anywhere, even if the items may not.
    send_and_sync(&queue);
}

/// The handles say what they are, without looking into the items.
#[test]
fn handles_are_debug() {
    struct Opaque;
    let queue = Queue::<Opaque>::bounded(3).unwrap();
    assert_eq!(format!("{queue:?}"), "Queue { len: 0, capacity: Some(3), .. }");
    let (sender, receiver) = queue.split();
    assert_eq!(format!("{sender:?}"), "Sender { len: 0, .. }");
    assert_eq!(format!("{receiver:?}"), "Receiver { len: 0, .. }");
    let joinable = JoinableQueue::<Opaque>::unbounded().unwrap();
    assert_eq!(format!("{joinable:?}"), "JoinableQueue { len: 0, unfinished: 0 }");
    assert!(format!("{:?}", SimpleQueue::<Opaque>::new().unwrap()).starts_with("SimpleQueue"));
}

#[test]
fn halves_go_anywhere() {
    fn send_and_sync<T: Send + Sync>() {}
    send_and_sync::<Sender<std::rc::Rc<u8>>>();
    send_and_sync::<Receiver<std::rc::Rc<u8>>>();
}

#[test]
fn a_bound_is_exact() {
    for bound in [1, 2, 3, 63, 64, 65, 1000] {
        let queue = Queue::bounded(bound).unwrap();
        assert_eq!(queue.capacity(), Some(bound));
        for number in 0..bound {
            assert!(!queue.is_full());
            assert_eq!(queue.len(), number);
            queue.try_put(number).unwrap();
        }
        assert!(queue.is_full());
        assert!(matches!(queue.try_put(0).unwrap_err().kind, PutErrorKind::Full));
        assert_eq!(queue.len(), bound);
    }
    assert_eq!(Queue::<u8>::unbounded().unwrap().capacity(), None);
    assert_eq!(Queue::<u8>::bounded_bytes(1000).unwrap().capacity(), None);
}

#[test]
fn a_bound_of_nothing_is_refused() {
    let kind = std::io::ErrorKind::InvalidInput;
    assert_eq!(Queue::<u8>::bounded(0).unwrap_err().kind(), kind);
    assert_eq!(Queue::<u8>::bounded(usize::MAX).unwrap_err().kind(), kind);
    assert_eq!(Queue::<u8>::bounded_bytes(0).unwrap_err().kind(), kind);
    assert_eq!(Queue::<u8>::bounded_bytes(usize::MAX).unwrap_err().kind(), kind);
    assert_eq!(JoinableQueue::<u8>::bounded(0).unwrap_err().kind(), kind);
}

fn order_across_processes<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<String>();
    let produce = |queue: K::Of<String>, _: Turn| {
        (0..200).for_each(|number| queue.give(format!("item {number}")));
    };
    let mut producer: Child<()> = Child::start(method, &queue, produce);
    for number in 0..200 {
        assert_eq!(queue.have(), format!("item {number}"));
    }
    producer.join();
    assert!(queue.is_empty());
}

fn seen_at_once_by_another_process<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<u8>();
    let look = |queue: K::Of<u8>, mut turn: Turn| {
        for number in 0..20 {
            turn.pass();
            assert!(!queue.is_empty());
            assert_eq!(queue.get(How::Now).unwrap(), number);
            assert!(queue.is_empty());
        }
        turn.pass();
    };
    let mut other: Child<()> = Child::ready(method, &queue, look);
    for number in 0..20 {
        queue.put(number, How::Now).unwrap();
        other.go();
        other.wait_ready();
        assert!(queue.is_empty());
    }
    other.end();
}

fn a_consumer_waits_in_another_process<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<u8>();
    let mut consumer: Child<u8> =
        Child::start(method, &queue, |queue: K::Of<u8>, mut turn: Turn| {
            turn.ready();
            queue.get(How::Wait).unwrap()
        });
    consumer.wait_asleep();
    queue.give(9);
    assert_eq!(consumer.join(), 9);
}

fn a_handle_that_is_put_into_another_queue<K: Kind>(method: StartMethod) {
    let (inner, outer) = (K::fresh::<u8>(), K::fresh::<K::Of<u8>>());
    outer.give(inner.clone());
    let answer = |outer: K::Of<K::Of<u8>>| outer.have().give(3);
    run(method, answer, (outer,));
    assert_eq!(inner.have(), 3);
}

fn each_producers_order_is_kept<K: Kind>(method: StartMethod) {
    const EACH: u32 = 500;
    let queue = K::fresh::<(u32, u32)>();
    let produce = |queue: K::Of<(u32, u32)>, _: Turn| {
        let own = std::process::id();
        (0..EACH).for_each(|number| queue.give((own, number)));
    };
    let producers: [Child<()>; 2] = [(); 2].map(|()| Child::start(method, &queue, produce));
    let mut next = producers.each_ref().map(|producer| (producer.pid(), 0));
    for _ in 0..2 * EACH {
        let (pid, number) = queue.have();
        let own = next.iter_mut().find(|(own, _)| *own == pid).unwrap();
        assert_eq!(number, own.1, "of {pid}");
        own.1 += 1;
    }
    producers.into_iter().for_each(|mut producer| producer.join());
    assert!(queue.is_empty());
}

/// Puts until there is no room, and gives how many there are.
fn fill(queue: &Queue<Vec<u8>>) -> usize {
    // The unbounded one is full when its addresses are: with long items.
    let item = vec![7; if queue.capacity().is_some() { 100 } else { 300 }];
    let most = if is_unbounded(queue) { 100 } else { usize::MAX };
    (0..most).take_while(|_| queue.try_put(item.clone()).is_ok()).count()
}

fn is_unbounded<T>(queue: &Queue<T>) -> bool {
    queue.capacity().is_none() && queue.reserve(1 << 20).is_ok()
}

fn a_full_queue_refuses_in_every_form<K: Made>() {
    let queue = K::queue();
    let count = fill(&queue);
    if is_unbounded(&queue) {
        return assert!(!queue.is_full());
    }
    for (how, times_out) in hasty() {
        let error = Handle::put(&queue, vec![8; 300], how).unwrap_err();
        assert_eq!(error.item, [8; 300]);
        assert!(error.is_full());
        assert_eq!(matches!(error.kind, PutErrorKind::TimedOut), times_out, "{how:?}");
    }
    let (before, timeout) = (Instant::now(), Duration::from_millis(70));
    assert!(queue.put_timeout(vec![8; 300], timeout).is_err());
    assert!(before.elapsed() >= timeout);
    assert_eq!(queue.len(), count);
    (0..count).for_each(|_| assert_eq!(queue.try_get().unwrap()[0], 7));
    assert!(!queue.is_full());
    // Where a small ring comes round, one of these may not fit.
    assert!(fill(&queue) >= count - 1, "all room has come back");
}

fn a_producer_waits<K: Made>() {
    for how in patient() {
        let queue = K::queue();
        if is_unbounded(&queue) {
            return;
        }
        let count = fill(&queue);
        let (sender, begun) = std::sync::mpsc::channel();
        let producer = std::thread::spawn({
            let queue = queue.clone();
            move || {
                sender.send(tid()).unwrap();
                Handle::put(&queue, vec![8; 200], how).unwrap();
            }
        });
        wait_for_thread(begun.recv().unwrap());
        // What was taken has the room that the one who waits needs.
        assert_eq!(queue.get().unwrap()[0], 7);
        producer.join().unwrap();
        assert_eq!(queue.len(), count);
    }
}

fn counts_are_exact<K: Made>() {
    let queue = K::queue();
    assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (0, true, false));
    for number in 0..ROOM {
        queue.put(number).unwrap();
        assert_eq!((queue.len(), queue.is_empty()), (number + 1, false));
    }
    let (sender, receiver) = (queue.sender(), queue.receiver());
    for number in (0..ROOM).rev() {
        queue.get().unwrap();
        assert_eq!((sender.len(), receiver.len(), queue.len()), (number, number, number));
    }
    assert!(sender.is_empty() && receiver.is_empty());
}

fn counts_across_processes<K: Made>(method: StartMethod) {
    let queue = K::queue::<u8>();
    let look = |queue: Queue<u8>, mut turn: Turn| {
        for expected in [1, 2, 1, 0] {
            turn.pass();
            assert_eq!(queue.len(), expected);
            assert_eq!(queue.is_empty(), expected == 0);
        }
        turn.pass();
        queue.put(1).unwrap();
        turn.pass();
    };
    let mut other: Child<()> = Child::ready(method, &queue, look);
    let next = |other: &mut Child<()>| {
        other.go();
        other.wait_ready();
    };
    for puts in [true, true, false, false] {
        if puts {
            queue.put(0).unwrap()
        } else {
            assert_eq!(queue.get().unwrap(), 0)
        }
        next(&mut other);
    }
    next(&mut other);
    assert_eq!(queue.len(), 1);
    other.end();
}

fn many_at_once<K: Made>() {
    let queue = K::queue::<usize>();
    for put in [How::Wait, How::Now, How::For(Duration::MAX), How::Until(past())] {
        for get in [How::Wait, How::Now, How::For(Duration::ZERO), How::Until(past())] {
            let form = [..ROOM, ..1, ..2, ..ROOM];
            for range in form {
                let items = range.end;
                in_form!(put, queue, [put_many try_put_many put_many_timeout put_many_deadline]
                    0..items)
                .unwrap();
                let mut got = Vec::new();
                while got.len() < items {
                    let some = in_form!(get, queue,
                        [get_many try_get_many get_many_timeout get_many_deadline] 7);
                    got.extend(some.unwrap());
                }
                assert_eq!(got, Vec::from_iter(0..items), "{put:?} {get:?}");
            }
        }
    }
    assert!(queue.is_empty());
}

fn many_that_find_no_room<K: Made>() {
    let queue = K::queue::<usize>();
    if is_unbounded(&queue) {
        return;
    }
    for how in [How::Now, How::For(Duration::from_millis(2)), How::Until(past())] {
        let put = in_form!(how, queue, [put_many try_put_many put_many_timeout put_many_deadline]
            0..500);
        let error = put.unwrap_err();
        assert_eq!(matches!(error.kind, PutErrorKind::Full), matches!(how, How::Now), "{how:?}");
        let done = queue.len();
        assert!((ROOM..=64).contains(&done), "{done}");
        assert_eq!(error.item, Vec::from_iter(done..500), "the rest, in its order");
        assert_eq!(queue.get_many(usize::MAX).unwrap(), Vec::from_iter(0..done));
    }
}

fn many_of_nothing<K: Made>() {
    let queue = K::queue::<usize>();
    queue.put_many([]).unwrap();
    assert_eq!(queue.get_many(0).unwrap(), []);
    let error = queue.try_get_many(5).unwrap_err();
    assert!(matches!(error.error, GetError::Empty) && error.items.is_empty());
    let error = queue.get_many_timeout(5, Duration::from_millis(1)).unwrap_err();
    assert!(matches!(error.error, GetError::TimedOut));
    assert!(matches!(queue.get_many_deadline(5, past()).unwrap_err().error, GetError::TimedOut));
}

/// The ring starts over many times, at every place.
fn round_and_round<K: Made>() {
    let queue = K::queue::<Vec<u8>>();
    let mut random = crate::support::Random(5);
    let (mut put, mut got) = (0_u8, 0_u8);
    for _ in 0..20_000 {
        let len = random.next() as usize % 150;
        if random.next().is_multiple_of(2) && queue.try_put(vec![put; len]).is_ok() {
            put = put.wrapping_add(1);
        } else if let Ok(item) = queue.try_get() {
            assert!(item.iter().all(|&byte| byte == got), "{item:?} is not of {got}");
            got = got.wrapping_add(1);
        }
    }
    assert_eq!(queue.len(), usize::from(put.wrapping_sub(got)));
}

fn exact_between_processes(method: StartMethod) {
    const EACH: u64 = 5_000;
    let (sender, receiver) = Queue::bounded(16).unwrap().split();
    let sums = Queue::<u64>::unbounded().unwrap();
    let produce = |sender: Sender<u64>, _: Turn| {
        (0..EACH / 2).for_each(|number| sender.put(number).unwrap());
        sender.put_many(EACH / 2..EACH).unwrap();
    };
    let mut producers: [Child<()>; 2] = [(); 2].map(|()| Child::start(method, &sender, produce));
    // A forked child has copies of all that is here, and the stream would not end for it.
    drop(sender);
    let shared = (receiver, sums.clone());
    let consume = |(receiver, sums): (Receiver<u64>, Queue<u64>), _: Turn| {
        sums.put(receiver.iter().map(Result::unwrap).sum()).unwrap();
    };
    let mut consumers: [Child<()>; 2] = [(); 2].map(|()| Child::start(method, &shared, consume));
    producers.iter_mut().chain(&mut consumers).for_each(Child::join);
    assert_eq!(sums.get().unwrap() + sums.get().unwrap(), EACH * (EACH - 1));
}

/// However far the ring has come round: only memory and the bound of items make a queue full.
#[test]
fn a_backlog_after_any_beginning() {
    for beginning in (0..4096).step_by(97) {
        let queue = Queue::<()>::unbounded().unwrap();
        for _ in 0..beginning {
            queue.put_bytes(&[1; 1000]).unwrap();
        }
        while queue.try_get_bytes().is_ok() {}
        for number in 0..6_000 {
            let put = queue.try_put_bytes(&[2; 1000]);
            assert!(put.is_ok(), "{number} items after {beginning} others: {put:?}");
        }
    }
}

/// Backlogs that come and go leave the ring in every state, and what is leased stays where it is.
#[test]
fn backlogs_that_come_and_go() {
    for seed in 1..16 {
        let queue = Queue::<()>::unbounded().unwrap();
        let mut random = crate::support::Random(seed * 7919);
        let (mut put, mut got, mut leases) = (0_u32, 0_u32, Vec::new());
        for _ in 0..60 {
            let len = [10, 100, 1_000, 5_000, 40_000][random.next() as usize % 5];
            for _ in 0..random.next() % 150 {
                let mut item = vec![put as u8; len];
                item[..4].copy_from_slice(&put.to_ne_bytes());
                queue.try_put_bytes(&item).unwrap();
                put += 1;
            }
            for _ in 0..random.next() % 180 {
                let Ok(item) = queue.try_get_ref() else { break };
                assert_eq!(item[..4], got.to_ne_bytes(), "seed {seed}");
                if random.next().is_multiple_of(50) && leases.len() < 20 {
                    leases.push((got, item));
                }
                got += 1;
            }
            if random.next().is_multiple_of(4) {
                for (number, item) in leases.drain(..) {
                    assert_eq!(item[..4], number.to_ne_bytes(), "seed {seed}");
                    assert!(item[4..] == vec![number as u8; item.len() - 4], "seed {seed}");
                }
            }
        }
        assert_eq!(queue.len(), (put - got) as usize);
    }
}
