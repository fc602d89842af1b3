//! Futures without a runtime.

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{self, Sender};
use std::task::{Wake, Waker};
use std::time::Duration;

use ipc_pipe::{pipe, reactor::Watch};

use crate::child;

const PATIENCE: Duration = Duration::from_secs(40);

/// Tells the test that it was called.
struct Bell(Sender<u32>, u32);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(self.1);
    }
}

fn bells() -> (impl Fn(u32) -> Waker, mpsc::Receiver<u32>) {
    let (sender, heard) = mpsc::channel();
    (move |number| Waker::from(Arc::new(Bell(sender.clone(), number))), heard)
}

#[test]
fn ready_at_once() {
    let ((bell, heard), (receiver, mut sender)) = (bells(), pipe::<u8>().unwrap());
    sender.send(&1).unwrap();
    let _watch = Watch::new(&receiver, &bell(5)).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(5));
}

#[test]
fn ready_later() {
    let ((bell, heard), (receiver, mut sender)) = (bells(), pipe::<u8>().unwrap());
    let _watch = Watch::new(&receiver, &bell(5)).unwrap();
    assert!(heard.recv_timeout(Duration::from_millis(5)).is_err());
    sender.send(&1).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(5));
}

#[test]
fn the_end_of_a_stream() {
    let ((bell, heard), (receiver, sender)) = (bells(), pipe::<u8>().unwrap());
    let _watch = Watch::new(&receiver, &bell(5)).unwrap();
    drop(sender);
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(5));
}

#[test]
fn a_dropped_watch() {
    let ((bell, heard), (receiver, mut sender)) = (bells(), pipe::<u8>().unwrap());
    drop(Watch::new(&receiver, &bell(1)).unwrap());
    let other = Watch::new(&receiver, &bell(2)).unwrap();
    sender.send(&1).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(2));
    // The waker of the one that was dropped has gone with it.
    drop(bell);
    drop(other);
    assert_eq!(heard.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn a_waker_replaced() {
    let ((bell, heard), (receiver, mut sender)) = (bells(), pipe::<u8>().unwrap());
    let watch = Watch::new(&receiver, &bell(1)).unwrap();
    assert!(watch.wake(&bell(2)) && watch.wake(&bell(3)));
    sender.send(&1).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(3));
    drop(bell);
    assert_eq!(heard.recv_timeout(PATIENCE), Err(mpsc::RecvTimeoutError::Disconnected));
}

/// A watch wakes once, and says so; another one wakes again, as what is readable stays so.
#[test]
fn once() {
    let ((bell, heard), (mut receiver, mut sender)) = (bells(), pipe::<u8>().unwrap());
    let watch = Watch::new(&receiver, &bell(1)).unwrap();
    sender.send(&1).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(1));
    assert!(!watch.wake(&bell(2)));
    let again = Watch::new(&receiver, &bell(3)).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(3));
    receiver.recv().unwrap();
    assert!(!again.wake(&bell(4)));
    assert!(heard.try_recv().is_err());
}

#[test]
fn the_descriptor_may_be_closed_before() {
    let ((bell, heard), (receiver, mut sender)) = (bells(), pipe::<u8>().unwrap());
    let copy = receiver.as_fd().try_clone_to_owned().unwrap();
    let _watch = Watch::new(&copy, &bell(5)).unwrap();
    drop(copy);
    sender.send(&1).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(5));
}

#[test]
fn many_at_once() {
    let (bell, heard) = bells();
    let mut ends: Vec<_> = (0..200).map(|_| pipe::<u8>().unwrap()).collect();
    let watch = |(number, (receiver, _)): (usize, &(ipc_pipe::Receiver<u8>, _))| {
        Watch::new(receiver, &bell(number as u32)).unwrap()
    };
    let watches: Vec<_> = ends.iter().enumerate().map(watch).collect();
    ends.iter_mut().for_each(|(_, sender)| sender.send(&1).unwrap());
    let mut numbers: Vec<_> = ends.iter().map(|_| heard.recv_timeout(PATIENCE).unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..200));
    drop(watches);
}

#[test]
fn what_cannot_be_watched() {
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    assert!(Watch::new(&file, Waker::noop()).is_err());
}

/// It panics when it is called.
struct Faulty;

impl Wake for Faulty {
    fn wake(self: Arc<Self>) {
        panic!("on purpose");
    }
}

#[test]
fn a_waker_that_panics() {
    let ((bell, heard), (receiver, mut sender)) = (bells(), pipe::<u8>().unwrap());
    let _faulty = Watch::new(&receiver, &Waker::from(Arc::new(Faulty))).unwrap();
    sender.send(&1).unwrap();
    let _watch = Watch::new(&receiver, &bell(5)).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(5));
}

/// Its waker may be dropped where a watch is made or dropped, and make one itself.
struct Nested(Arc<AtomicUsize>, ipc_pipe::Receiver<u8>);

impl Wake for Nested {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Nested {
    fn drop(&mut self) {
        drop(Watch::new(&self.1, Waker::noop()).unwrap());
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_waker_that_watches_when_it_is_dropped() {
    let (count, (receiver, _sender)) = (Arc::new(AtomicUsize::new(0)), pipe::<u8>().unwrap());
    let nested = || Waker::from(Arc::new(Nested(count.clone(), pipe().unwrap().0)));
    let watch = Watch::new(&receiver, &nested()).unwrap();
    assert!(watch.wake(&nested()));
    assert_eq!(count.load(SeqCst), 1);
    drop(watch);
    assert_eq!(count.load(SeqCst), 2);
}

#[test]
fn it_holds_one_descriptor() {
    child::run_alone("reactor::census");
}

#[test]
#[ignore = "the child of another test"]
fn census() {
    if !child::is_child() {
        return;
    }
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let (receiver, _sender) = pipe::<u8>().unwrap();
    let before = open_files();
    for _ in 0..100 {
        let watch = Watch::new(&receiver, Waker::noop()).unwrap();
        assert!(watch.wake(Waker::noop()));
    }
    assert_eq!(open_files(), before + 1);
}
