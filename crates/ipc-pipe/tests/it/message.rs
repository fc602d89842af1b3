//! Values in the form in which they travel.

use ipc_pipe::{BULK_THRESHOLD, Message, pipe};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Debug)]
struct Picky(u8);

impl Serialize for Picky {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => Err(S::Error::custom("zero stays at home")),
            number => serializer.serialize_u8(number),
        }
    }
}

impl<'de> Deserialize<'de> for Picky {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            number @ 0..100 => Ok(Picky(number)),
            number => Err(D::Error::custom(format_args!("{number} is too much for me"))),
        }
    }
}

#[test]
fn smoke() {
    let message = Message::encode(&("three", 3_u64)).unwrap();
    assert_eq!(message.decode::<(String, u64)>().unwrap(), ("three".into(), 3));
}

#[test]
fn travels_as_a_value() {
    let (mut receiver, mut sender) = pipe::<Message>().unwrap();
    for len in [3, 100_000, BULK_THRESHOLD] {
        let sent = Message::encode(&vec![1_u8; len]).unwrap();
        let message = std::thread::scope(|scope| {
            scope.spawn(|| sender.send(&sent).unwrap());
            receiver.recv().unwrap()
        });
        assert_eq!(message.decode::<Vec<u8>>().unwrap(), vec![1; len]);
    }
}

#[test]
fn from_raw_bytes() {
    assert_eq!(Message::from_bytes(vec![5]).decode::<u8>().unwrap(), 5);
    assert!(Message::from_bytes(vec![]).decode::<u8>().is_err());
    assert!(Message::from_bytes(vec![5, 5]).decode::<u8>().is_err());
}

/// The words of the user's code reach the user.
#[test]
fn the_reason_of_a_refusal_is_told() {
    let error = Message::encode(&vec![Picky(1), Picky(0)]).unwrap_err().to_string();
    assert!(error.contains("zero stays at home"), "{error}");
    let error = Message::from_bytes(vec![200]).decode::<Option<Picky>>().unwrap_err().to_string();
    assert!(!error.contains("too much"), "{error}");
    let message = Message::encode(&Some(200_u8)).unwrap();
    let error = message.decode::<Option<Picky>>().unwrap_err().to_string();
    assert!(error.contains("200 is too much for me"), "{error}");
}

#[test]
fn errors_of_the_format_are_told() {
    let error = Message::from_bytes(vec![9]).decode::<Result<u8, u8>>().unwrap_err().to_string();
    assert!(error.contains('9'), "{error}");
    let error = Message::from_bytes(vec![7]).decode::<bool>().unwrap_err().to_string();
    assert!(error.len() > "cannot decode the message: ".len(), "{error}");
}

#[test]
fn a_descriptor_that_cannot_ride_is_told() {
    let file = ipc_pipe::Handle(std::fs::File::open("/dev/null").unwrap());
    let (client, _server) = tcp_pair();
    let mut sender = ipc_pipe::Sender::try_from(std::os::fd::OwnedFd::from(client)).unwrap();
    let error = sender.send(&file).unwrap_err().to_string();
    assert!(error.contains("cannot ride"), "{error}");
}

fn tcp_pair() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}
