//! Items that hold descriptors: files, pipes, other queues. They lie in the kernel until they are
//! taken, and are closed with whatever takes their place.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};

use ipc_pipe::{Bytes, Handle, Receiver, RecvError, Sender, pipe};
use procspawn_core::StartMethod;
use queues::{GetError, PutErrorKind, Queue, SimpleQueue};

use crate::kinds::{Handle as _, How, Kind, Made, ROOM, each_kind};
use crate::support::{Child, Turn, each_method, only, run, soon};
use crate::system::{descriptors, with_descriptors};

each_kind! { all each_method: a_file_crosses, both_ends_of_a_pipe_cross }
each_kind! { all here:
    several_and_none_in_turn, as_many_as_one_item_can_carry, a_queue_in_a_queue_in_a_queue,
    with_a_long_item,
}
each_kind! { made here:
    more_than_the_kernel_keeps, leased_descriptors_come_again, leases_and_others_mixed,
    taken_as_bytes_they_are_closed, a_reference_has_them, many_with_descriptors_among_them,
}
each_method! { they_outlive_their_producer, a_reply_to_each_request }
only! { Spawn:
    none_is_left_open, dropped_with_the_queue, a_queue_that_holds_itself,
    no_descriptors_left_to_put, no_descriptors_left_to_get, no_descriptors_left_to_make,
}

fn file(text: &str) -> Handle<File> {
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::memfd_create("item", flags).unwrap());
    file.write_all(text.as_bytes()).unwrap();
    Handle(file)
}

/// What is in a file, from its beginning.
fn text(Handle(mut file): Handle<File>) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

/// True if all that could send into a pipe is closed.
#[track_caller]
fn assert_closed(receiver: &mut Receiver<()>) {
    let error = receiver.recv_deadline(soon()).unwrap_err();
    assert!(matches!(error, RecvError::Disconnected), "{error}");
}

fn a_file_crosses<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<(u8, Handle<File>)>();
    let produce = |queue: K::Of<(u8, Handle<File>)>| {
        (0..5).for_each(|number| queue.give((number, file(&format!("file {number}")))));
    };
    run(method, produce, (queue.clone(),));
    for number in 0..5 {
        let (got, file) = queue.have();
        assert_eq!((got, text(file)), (number, format!("file {number}")));
    }
}

fn both_ends_of_a_pipe_cross<K: Kind>(method: StartMethod) {
    let queue = K::fresh::<(Receiver<String>, Sender<String>)>();
    let (there, mut to) = pipe().unwrap();
    let (mut from, back) = pipe().unwrap();
    queue.give((there, back));
    let echo = |queue: K::Of<(Receiver<String>, Sender<String>)>, _: Turn| {
        let (mut receiver, mut sender) = queue.have();
        sender.send(&format!("{}!", receiver.recv().unwrap())).unwrap();
    };
    let mut child: Child<()> = Child::start(method, &queue, echo);
    to.send(&"hello".to_string()).unwrap();
    assert_eq!(from.recv_deadline(soon()).unwrap(), "hello!");
    child.join();
    assert!(from.recv_deadline(soon()).is_err());
}

fn several_and_none_in_turn<K: Kind>() {
    let queue = K::fresh::<Vec<Handle<File>>>();
    for round in 0..20 {
        for count in [0, 1, 3, 0, 7] {
            queue.give((0..count).map(|number| file(&format!("{round} {number}"))).collect());
        }
        for count in [0, 1, 3, 0, 7] {
            let texts: Vec<_> = queue.have().into_iter().map(text).collect();
            let expected: Vec<_> = (0..count).map(|number| format!("{round} {number}")).collect();
            assert_eq!(texts, expected);
        }
    }
}

fn as_many_as_one_item_can_carry<K: Kind>() {
    let queue = K::fresh::<Vec<Handle<OwnedFd>>>();
    let one = file("the one");
    let many =
        |count| (0..count).map(|_| Handle(one.as_fd().try_clone_to_owned().unwrap())).collect();
    queue.give(many(252));
    let error = queue.put(many(253), How::Wait).unwrap_err();
    assert!(matches!(error.kind, PutErrorKind::TooManyDescriptors));
    assert_eq!(error.into_item().len(), 253);
    queue.give(many(1));
    let got = queue.have();
    assert_eq!(got.len(), 252);
    for Handle(got) in got {
        assert_eq!(text(Handle(File::from(got))), "the one");
    }
    assert_eq!(queue.have().len(), 1);
}

fn a_queue_in_a_queue_in_a_queue<K: Kind>() {
    let (one, two, three) =
        (K::fresh::<u8>(), K::fresh::<K::Of<u8>>(), K::fresh::<K::Of<K::Of<u8>>>());
    one.give(7);
    two.give(one);
    three.give(two);
    assert_eq!(three.have().have().have(), 7);
}

/// Its bytes are in a memory file, whose descriptor comes first.
fn with_a_long_item<K: Kind>() {
    let queue = K::fresh::<(Bytes, Handle<File>, Vec<u8>)>();
    for len in [100, 2_000, 100_000, 17 << 20] {
        queue.give((vec![1; len].into(), file("beside"), vec![2; 3]));
        let (long, file, short) = queue.have();
        assert!(long[..] == vec![1; len] && short == [2; 3]);
        assert_eq!(text(file), "beside");
    }
}

/// How many there can be is up to the kernel: the rest waits.
fn more_than_the_kernel_keeps<K: Made>() {
    const ALL: usize = 1_000;
    let queue = K::queue::<(usize, Handle<File>)>();
    let producer = std::thread::spawn({
        let queue = queue.clone();
        move || (0..ALL).for_each(|number| queue.put((number, file("x"))).unwrap())
    });
    for expected in 0..ALL {
        let (number, file) = queue.get_deadline(soon()).unwrap();
        assert_eq!((number, text(file)), (expected, "x".to_string()));
    }
    producer.join().unwrap();
}

fn leased_descriptors_come_again<K: Made>() {
    let queue = K::queue();
    queue.put(file("again")).unwrap();
    for deliveries in 1..4 {
        let lease = queue.get_leased().unwrap();
        assert_eq!(lease.deliveries(), deliveries);
        assert_eq!(text(Handle(lease.try_clone().unwrap())), "again");
    }
    assert_eq!(text(queue.get_leased().unwrap().acknowledge()), "again");
    assert!(queue.is_empty());
}

fn leases_and_others_mixed<K: Made>() {
    let queue = K::queue();
    for number in 0..6 {
        queue.put((number, file(&format!("{number}")))).unwrap();
    }
    let first = queue.get_leased().unwrap();
    let second = queue.get_leased().unwrap();
    assert_eq!(text(queue.get().unwrap().1), "2");
    drop(second);
    assert_eq!(text(queue.get().unwrap().1), "1", "what came back is next");
    assert_eq!(text(queue.get_leased().unwrap().acknowledge().1), "3");
    drop(first);
    let rest: Vec<_> = (0..3).map(|_| text(queue.get().unwrap().1)).collect();
    assert_eq!(rest, ["0", "4", "5"]);
    assert!(queue.is_empty());
}

fn taken_as_bytes_they_are_closed<K: Made>() {
    let queue = K::queue();
    let pipes = [(); 4].map(|()| pipe::<()>().unwrap());
    let mut receivers = pipes.map(|(receiver, sender)| {
        queue.put(sender).unwrap();
        receiver
    });
    queue.get_bytes().unwrap();
    drop(queue.get_ref().unwrap());
    drop(queue.get_leased().unwrap().acknowledge());
    drop(queue.get().unwrap());
    receivers.iter_mut().for_each(assert_closed);
}

fn a_reference_has_them<K: Made>() {
    let queue = K::queue();
    queue.put(file("by reference")).unwrap();
    let item = queue.get_ref().unwrap();
    assert!(queue.is_empty());
    assert_eq!(text(item.decode().unwrap()), "by reference");
}

fn many_with_descriptors_among_them<K: Made>() {
    let queue = K::queue::<Option<Handle<File>>>();
    let with = |number: usize| number % 3 == 1;
    queue
        .put_many((0..ROOM / 3).map(|number| with(number).then(|| file(&format!("{number}")))))
        .unwrap();
    let mut got = Vec::new();
    while got.len() < ROOM / 3 {
        got.extend(queue.get_many(ROOM).unwrap());
    }
    for (number, item) in got.into_iter().enumerate() {
        assert_eq!(item.map(text), with(number).then(|| format!("{number}")));
    }
}

fn they_outlive_their_producer(method: StartMethod) {
    let queue = Queue::unbounded().unwrap();
    let produce = |queue: Queue<Handle<File>>, mut turn: Turn| {
        (0..10).for_each(|number| queue.put(file(&format!("{number}"))).unwrap());
        turn.pass();
    };
    Child::<()>::ready(method, &queue, produce).kill();
    for number in 0..10 {
        assert_eq!(text(queue.get().unwrap()), format!("{number}"));
    }
}

/// Each request carries the way back.
fn a_reply_to_each_request(method: StartMethod) {
    type Request = (u32, Sender<u32>);
    let requests = SimpleQueue::<Request>::new().unwrap();
    let serve = |requests: SimpleQueue<Request>, _: Turn| {
        while let Ok((number, mut reply)) = requests.get() {
            reply.send(&(number + 1)).unwrap();
        }
    };
    let mut servers: [Child<()>; 2] = [(); 2].map(|()| Child::start(method, &requests, serve));
    for number in 0..50 {
        let (mut reply, sender) = pipe().unwrap();
        requests.put((number, sender)).unwrap();
        assert_eq!(reply.recv_deadline(soon()).unwrap(), number + 1);
    }
    requests.close();
    servers.iter_mut().for_each(Child::join);
}

fn none_is_left_open(_: StartMethod) {
    let before = descriptors();
    for _ in 0..3 {
        let queue = Queue::unbounded().unwrap();
        queue.put((file("1"), Bytes::from(vec![1; 17 << 20]))).unwrap();
        queue.put((file("2"), Bytes::from(vec![2]))).unwrap();
        queue.put((file("3"), Bytes::from(vec![3]))).unwrap();
        drop(queue.get().unwrap());
        drop(queue.get_leased().unwrap());
        drop(queue.get_ref().unwrap());
        let clone = queue.clone();
        drop(queue.split());
        assert!(clone.try_put((file("4"), Bytes::from(vec![4]))).is_ok());
    }
    assert_eq!(descriptors(), before);
}

fn dropped_with_the_queue(_: StartMethod) {
    let queue = Queue::unbounded().unwrap();
    let (mut receiver, sender) = pipe().unwrap();
    queue.put(sender).unwrap();
    drop(queue);
    assert_closed(&mut receiver);
}

/// The kernel finds out that nobody can reach it any more.
fn a_queue_that_holds_itself(_: StartMethod) {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Knot(Queue<Knot>, Sender<()>);
    let queue = Queue::unbounded().unwrap();
    let (mut receiver, sender) = pipe().unwrap();
    queue.put(Knot(queue.clone(), sender)).unwrap();
    drop(queue);
    assert_closed(&mut receiver);
}

fn no_descriptors_left_to_put(_: StartMethod) {
    let queue = Queue::<Handle<File>>::unbounded().unwrap();
    let item = file("kept");
    let error = with_descriptors(0, || queue.put(item).unwrap_err());
    assert!(matches!(error.kind, PutErrorKind::Encode(_)), "{error}");
    assert!(queue.is_empty());
    queue.put(error.into_item()).unwrap();
    assert_eq!(text(queue.get().unwrap()), "kept");
}

fn no_descriptors_left_to_get(_: StartMethod) {
    let queue = Queue::unbounded().unwrap();
    for number in 0..2 {
        queue.put((number, file("a"), file("b"))).unwrap();
    }
    for more in [0, 1] {
        with_descriptors(more, || {
            assert!(matches!(queue.get().unwrap_err(), GetError::Io(_)));
            assert!(matches!(queue.try_get_ref().unwrap_err(), GetError::Io(_)));
            assert!(matches!(queue.try_get_leased().unwrap_err(), GetError::Io(_)));
            assert!(matches!(queue.try_get_many(5).unwrap_err().error, GetError::Io(_)));
        });
        assert_eq!(queue.len(), 2, "it is still there");
    }
    for expected in 0..2 {
        let (number, one, two) = queue.get().unwrap();
        assert_eq!((number, text(one), text(two)), (expected, "a".into(), "b".into()));
    }
}

fn no_descriptors_left_to_make(_: StartMethod) {
    let before = descriptors();
    for more in 0..5 {
        let error = with_descriptors(more, || Queue::<u8>::bounded(1).unwrap_err());
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{more}: {error}");
    }
    assert_eq!(descriptors(), before);
    let queue = with_descriptors(5, || Queue::<u8>::bounded(1).unwrap());
    queue.put(1).unwrap();
    assert_eq!(queue.get().unwrap(), 1);
}
