//! Waiting for several things at once.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ipc_pipe::{Receiver, RecvError, duplex, pipe, wait, wait_deadline};

use crate::child::{self, Reaped};

const LOOK: Option<Duration> = Some(Duration::ZERO);

/// Sends ten numbers with pauses in between.
#[test]
#[ignore = "the child of other tests"]
fn count_to_ten() {
    let Some(mut end) = child::end::<u8, ()>() else { return };
    for number in 0..10 {
        end.send(&number).unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(number % 3)));
    }
}

fn counting() -> (Receiver<u8>, Reaped) {
    let (receiver, sender) = pipe().unwrap();
    (receiver, Reaped(child::start("wait::count_to_ten", &sender)))
}

#[test]
fn four_writers_in_processes() {
    let (mut readers, _children): (Vec<_>, Vec<_>) = (0..4).map(|_| counting()).unzip();
    let mut numbers = Vec::new();
    while !readers.is_empty() {
        for index in wait(&readers, Some(Duration::from_secs(60))).unwrap().into_iter().rev() {
            match readers[index].recv() {
                Ok(number) => numbers.push(number),
                Err(RecvError::Disconnected) => drop(readers.remove(index)),
                Err(error) => panic!("{error}"),
            }
        }
    }
    numbers.sort_unstable();
    let expected: Vec<u8> = (0..40).map(|index| index / 4).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn timeout_and_then_ready() {
    let (receiver, mut sender) = pipe::<u8>().unwrap();
    let (begin, timeout) = (Instant::now(), Duration::from_millis(50));
    assert!(wait(&[&receiver], Some(timeout)).unwrap().is_empty());
    assert!(begin.elapsed() >= timeout);
    sender.send(&1).unwrap();
    assert_eq!(wait(&[&receiver], None).unwrap(), [0]);
}

#[test]
fn zero_and_past_return_at_once() {
    let (receiver, _sender) = pipe::<u8>().unwrap();
    assert!(wait(&[&receiver], LOOK).unwrap().is_empty());
    let past = Instant::now() - Duration::from_secs(1);
    assert!(wait_deadline(&[&receiver], past).unwrap().is_empty());
}

#[test]
fn nothing_to_wait_for() {
    assert!(wait::<BorrowedFd<'_>>(&[], LOOK).unwrap().is_empty());
}

/// Exactly what is ready, whatever the kinds are.
#[test]
fn connections_sentinels_and_files() {
    let (one, mut other) = duplex::<u8, u8>().unwrap();
    let (idle, _sender) = pipe::<u8>().unwrap();
    let mut child = Reaped(child::start("wait::until_the_end", &idle));
    let pid = rustix::process::Pid::from_child(&child.0);
    let flags = rustix::process::PidfdFlags::empty();
    let sentinel = rustix::process::pidfd_open(pid, flags).unwrap();
    let items = [one.as_fd(), idle.as_fd(), sentinel.as_fd(), one.as_fd()];

    assert!(wait(&items, LOOK).unwrap().is_empty());
    other.send(&1).unwrap();
    assert_eq!(wait(&items, None).unwrap(), [0, 3]);
    child.0.kill().unwrap();
    assert_eq!(wait(&items[1..3], None).unwrap(), [1]);
    assert_eq!(wait(&items, None).unwrap(), [0, 2, 3]);
}

#[test]
#[ignore = "the child of other tests"]
fn until_the_end() {
    let Some(mut end) = child::end::<(), u8>() else { return };
    let _ = end.recv();
}

#[test]
fn the_end_is_ready() {
    let (receiver, sender) = pipe::<u8>().unwrap();
    drop(sender);
    assert_eq!(wait(&[&receiver], None).unwrap(), [0]);
}

/// A number that is no open descriptor is an error, not an endless wait.
#[test]
fn a_closed_descriptor() {
    // SAFETY: nothing is done with the number but to poll it, which does not need it to be open.
    let nowhere = unsafe { BorrowedFd::borrow_raw(1 << 20) };
    let error = wait(&[nowhere], None).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
}
