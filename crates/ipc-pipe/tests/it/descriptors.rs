//! The table of open files of a whole process: nothing leaks, and a full one is an error.

use std::fs::File;
use std::os::fd::AsRawFd;

use ipc_pipe::{BULK_THRESHOLD, Bulk, Handle, Message, RecvError, duplex, pipe};
use rustix::process::{Resource, Rlimit};

use crate::child;

fn open_files() -> usize {
    // One of them is for reading the folder.
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

#[test]
fn nothing_leaks() {
    child::run_alone("descriptors::census");
}

#[test]
#[ignore = "the child of another test"]
fn census() {
    if !child::is_child() {
        return;
    }
    let before = open_files();
    for round in 0..50 {
        let (mut here, mut there) = duplex::<(Vec<Handle<File>>, Bulk<u8>), ()>().unwrap();
        let files = (0..260).map(|_| Handle(File::open("/dev/null").unwrap())).collect();
        here.send(&(files, Bulk::from(vec![1; BULK_THRESHOLD]))).unwrap();
        match round % 4 {
            0 => drop(there.recv().unwrap()),
            1 => drop(there.recv_bytes().unwrap()),
            2 => {
                there.set_max_message_len(1);
                assert!(matches!(there.recv(), Err(RecvError::TooLong { .. })));
            }
            _ => {}
        }
        drop(Message::encode(&Handle(File::open("/dev/null").unwrap())).unwrap());
    }
    assert_eq!(open_files(), before);
}

#[test]
fn a_full_table_at_the_receiver() {
    child::run_alone("descriptors::full_table");
}

#[test]
#[ignore = "the child of another test"]
fn full_table() {
    if !child::is_child() {
        return;
    }
    let (mut receiver, mut sender) = pipe::<(Vec<Handle<File>>, Vec<u8>)>().unwrap();
    for (count, room) in [(1, 0), (20, 0), (20, 5), (300, 5), (300, 260)] {
        let files: Vec<_> = (0..count).map(|_| Handle(File::open("/dev/null").unwrap())).collect();
        sender.send(&(files, vec![1; 1000])).unwrap();
        let before = limit_to(lowest_free() + room);
        let error = receiver.recv().unwrap_err();
        assert!(matches!(error, RecvError::DescriptorsLost), "{error:?}");
        limit_to(before);
        sender.send(&(vec![Handle(File::open("/dev/null").unwrap())], vec![2])).unwrap();
        assert_eq!(receiver.recv().unwrap().0.len(), 1);
    }
}

/// The number that the next descriptor gets.
fn lowest_free() -> u64 {
    File::open("/dev/null").unwrap().as_raw_fd() as u64
}

/// Limits the highest number of a descriptor and returns the limit before.
fn limit_to(current: u64) -> u64 {
    let before = rustix::process::getrlimit(Resource::Nofile);
    let limit = Rlimit { current: Some(current), maximum: before.maximum };
    rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
    before.current.unwrap_or(1024)
}

#[test]
fn a_full_table_at_the_sender() {
    child::run_alone("descriptors::nothing_can_be_made");
}

#[test]
#[ignore = "the child of another test"]
fn nothing_can_be_made() {
    if !child::is_child() {
        return;
    }
    let (mut receiver, mut sender) = pipe::<Handle<File>>().unwrap();
    let file = Handle(File::open("/dev/null").unwrap());
    let before = limit_to(3);
    assert!(pipe::<u8>().is_err() && duplex::<u8, u8>().is_err());
    let error = sender.send(&file).unwrap_err().to_string();
    assert!(error.contains("duplicate"), "{error}");
    limit_to(before);
    sender.send(&file).unwrap();
    drop(receiver.recv().unwrap());
}
