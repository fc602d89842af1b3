//! Descriptors in values.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use ipc_pipe::{Handle, Message, RecvError, duplex, pipe};
use serde::{Deserialize, Serialize};

use crate::child::{self, Reaped};

fn file() -> File {
    let memory = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    File::from(memory)
}

fn contents(mut file: &File) -> String {
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    text
}

#[test]
#[ignore = "the child of other tests"]
fn write_through() {
    let Some(mut end) = child::end::<(), Handle<File>>() else { return };
    end.recv().unwrap().write_all(b"foo").unwrap();
    end.send_bytes(b"done").unwrap();
}

#[test]
fn a_file_goes_to_another_process() {
    let (mut to, there) = duplex::<Handle<File>, ()>().unwrap();
    let _child = Reaped(child::start("handle::write_through", &there));
    let file = file();
    to.send(&Handle(file.try_clone().unwrap())).unwrap();
    to.recv_bytes().unwrap();
    assert_eq!(contents(&file), "foo");
}

/// The number of the descriptor does not matter.
#[test]
fn numbers_above_256() {
    let (mut to, there) = duplex::<Handle<File>, ()>().unwrap();
    let _child = Reaped(child::start("handle::write_through", &there));
    let file = file();
    let high = rustix::io::fcntl_dupfd_cloexec(&file, 300).unwrap();
    assert!(high.as_raw_fd() >= 300);
    to.send(&Handle(high.into())).unwrap();
    to.recv_bytes().unwrap();
    assert_eq!(contents(&file), "foo");
}

#[test]
fn what_arrives_is_closed_on_exec() {
    let (mut receiver, mut sender) = pipe::<Handle>().unwrap();
    sender.send(&Handle(file().into())).unwrap();
    let flags = rustix::io::fcntl_getfd(receiver.recv().unwrap()).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

/// More than the kernel takes in one message, and each where it belongs.
#[test]
fn many_in_one_value() {
    let (mut receiver, mut sender) = pipe::<Vec<Handle<File>>>().unwrap();
    for count in [1, 250, 253, 254, 506, 507, 600] {
        let files: Vec<_> = (0..count).map(|_| Handle(file())).collect();
        for (number, Handle(file)) in files.iter().enumerate() {
            write!({ file }, "{number}").unwrap();
        }
        sender.send(&files).unwrap();
        let received = receiver.recv().unwrap();
        let texts: Vec<String> = received.iter().map(|handle| contents(handle)).collect();
        assert_eq!(texts, (0..count).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

/// With a body that does not fit the first bytes of the frame.
#[test]
fn beside_a_long_body() {
    let (mut receiver, mut sender) = pipe::<(Vec<u8>, Handle<File>, String)>().unwrap();
    let mut sent = file();
    sent.write_all(b"beside").unwrap();
    let value = (vec![1; 70_000], Handle(sent), "after".to_owned());
    sender.send(&value).unwrap();
    sender.send(&value).unwrap();
    for _ in 0..2 {
        let (bytes, file, text) = receiver.recv().unwrap();
        assert_eq!((bytes.len(), contents(&file), text), (70_000, "beside".into(), "after".into()));
    }
}

#[test]
fn data_without_its_descriptor() {
    let (mut receiver, mut sender) = pipe::<Handle>().unwrap();
    sender.send_bytes(&[0]).unwrap();
    let error = receiver.recv().unwrap_err();
    assert!(matches!(error, RecvError::Decode(_)), "{error:?}");
}

#[test]
fn the_same_descriptor_twice() {
    let message = Message::encode(&(Handle(file()), 0_u32)).unwrap();
    assert!(message.decode::<(Handle<File>, Handle<File>)>().is_err());
}

#[test]
fn where_none_can_ride() {
    assert!(postcard::to_allocvec(&Handle(file())).is_err());
    assert!(postcard::from_bytes::<Handle<File>>(&[0]).is_err());
}

#[test]
fn of_another_kind_of_file() {
    #[derive(Serialize, Deserialize)]
    struct Field {
        #[serde(with = "ipc_pipe::handle")]
        file: File,
    }
    let message = Message::encode(&Field { file: file() }).unwrap();
    let field: Field = message.decode().unwrap();
    assert!(field.file.as_fd().try_clone_to_owned().is_ok());
    let message = Message::encode(&Handle(OwnedFd::from(file()))).unwrap();
    assert!(message.decode::<ipc_pipe::Sender<u8>>().is_err());
}

/// Bytes need no descriptors; those sent with them are closed.
#[test]
fn received_as_bytes() {
    let (mut receiver, mut sender) = pipe::<Handle>().unwrap();
    let (watched, end) = std::os::unix::net::UnixStream::pair().unwrap();
    sender.send(&Handle(end.into())).unwrap();
    assert_eq!(receiver.recv_bytes().unwrap(), [0]);
    assert_eq!((&watched).read(&mut [0]).unwrap(), 0);
}
