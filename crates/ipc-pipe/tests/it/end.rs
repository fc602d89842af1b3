//! Ends of connections that travel through connections.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use ipc_pipe::{Connection, Handle, Message, Receiver, RecvError, SendError, Sender, duplex, pipe};

use crate::child::{self, Reaped};
use crate::raw;

/// Takes connections and says its greeting on each.
#[test]
#[ignore = "the child of other tests"]
fn greet() {
    let Some(mut end) = child::end::<(), Connection<String>>() else { return };
    for connection in end.iter() {
        let mut connection = connection.unwrap();
        let name = connection.recv().unwrap();
        connection.send(&format!("hello {name}")).unwrap();
    }
}

#[test]
fn connections_go_to_another_process() {
    let (mut to, there) = duplex::<Connection<String>, ()>().unwrap();
    let _child = Reaped(child::start("end::greet", &there));
    for name in ["one", "two"] {
        let (mut here, sent) = duplex::<String, String>().unwrap();
        to.send(&sent).unwrap();
        drop(sent);
        here.send(&name.into()).unwrap();
        assert_eq!(here.recv().unwrap(), format!("hello {name}"));
    }
}

#[test]
fn halves_keep_their_direction() {
    let (mut to, mut from) = duplex::<(Sender<u8>, Receiver<u8>), ()>().unwrap();
    let (receiver, sender) = pipe::<u8>().unwrap();
    to.send(&(sender, receiver)).unwrap();
    let (mut sender, mut receiver) = from.recv().unwrap();
    sender.send(&1).unwrap();
    assert_eq!(receiver.recv().unwrap(), 1);
    drop(sender);
    assert!(matches!(receiver.recv(), Err(RecvError::Disconnected)));
}

#[test]
fn a_sender_does_not_arrive_as_a_receiver() {
    let (_receiver, sender) = pipe::<u8>().unwrap();
    let message = Message::encode(&sender).unwrap();
    assert!(message.decode::<Receiver<u8>>().is_err());
    let message = Message::encode(&sender).unwrap();
    assert!(message.decode::<Connection<u8>>().is_err());
}

/// The original goes on working beside the copy, and the stream ends when both are closed.
#[test]
fn the_original_still_works() {
    let (mut to, mut from) = duplex::<Sender<u8>, ()>().unwrap();
    let (mut receiver, mut sender) = pipe::<u8>().unwrap();
    to.send(&sender).unwrap();
    let mut copy = from.recv().unwrap();
    copy.send(&1).unwrap();
    drop(copy);
    sender.send(&2).unwrap();
    drop(sender);
    assert_eq!(receiver.iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_message_that_was_not_received_goes_along() {
    let (receiver, mut sender) = pipe::<u8>().unwrap();
    sender.send(&7).unwrap();
    let mut copy: Receiver<u8> = Message::encode(&receiver).unwrap().decode().unwrap();
    assert_eq!(copy.recv().unwrap(), 7);
}

#[test]
fn not_in_the_middle_of_a_message() {
    let (mut writer, mut receiver) = raw::receiver::<u8>();
    writer.write_all(&raw::frame(&[1; 100])[..80]).unwrap();
    assert!(matches!(receiver.try_recv(), Err(RecvError::TimedOut)));
    assert!(Message::encode(&receiver).is_err());
}

#[test]
fn only_connected_stream_sockets_become_connections() {
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(Connection::<u8>::try_from(OwnedFd::from(file)).is_err());
    let unconnected = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(Receiver::<u8>::try_from(OwnedFd::from(unconnected)).is_err());
    let (one, _other) = ipc_pipe::Packets::pair().unwrap();
    assert!(Sender::<u8>::try_from(OwnedFd::from(one)).is_err());
    let file = Handle(std::fs::File::open("/dev/null").unwrap());
    assert!(Message::encode(&(2, file)).unwrap().decode::<Connection<u8>>().is_err());
}

#[test]
fn over_tcp_values_travel_and_descriptors_do_not() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    let mut sender = Sender::<Handle>::try_from(OwnedFd::from(client)).unwrap();
    let mut receiver = Receiver::<Handle>::try_from(OwnedFd::from(server)).unwrap();
    let handle = Handle(sender.as_fd().try_clone_to_owned().unwrap());
    assert!(matches!(sender.send(&handle), Err(SendError::Encode(_))));
    sender.send_bytes(&[1; 1000]).unwrap();
    assert_eq!(receiver.recv_bytes().unwrap(), [1; 1000]);
}

/// Sockets of the standard library travel as connections of another program would.
#[test]
fn plain_sockets_travel() {
    let (mut to, mut from) = duplex::<Handle<UnixStream>, ()>().unwrap();
    let (one, mut other) = UnixStream::pair().unwrap();
    to.send(&Handle(one)).unwrap();
    let Handle(mut copy) = from.recv().unwrap();
    other.write_all(b"x").unwrap();
    std::io::Read::read_exact(&mut copy, &mut [0]).unwrap();
}
