//! Clients whose listeners are not there, or die.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use ipc_pipe::{Address, Client, ConnectError, Connection, Listener, RecvError};

use crate::meeting::{LONG, abstract_name, tcp, unix};

#[test]
fn nobody_listens() {
    let taken = Listener::bind(&tcp()).unwrap();
    let nobody = taken.address().clone();
    drop(taken);
    let cases = [
        (unix(), ErrorKind::NotFound),
        (abstract_name(), ErrorKind::ConnectionRefused),
        (nobody, ErrorKind::ConnectionRefused),
    ];
    for (address, kind) in cases {
        for timeout in [None, Some(LONG)] {
            let mut options = Client::options();
            timeout.map(|timeout| options.timeout(timeout));
            match options.connect::<(), ()>(&address) {
                Err(ConnectError::Io(error)) => {
                    assert_eq!(error.kind(), kind);
                    assert!(error.to_string().contains(&address.to_string()), "{error}");
                }
                other => panic!("{address}: {other:?}"),
            }
        }
    }
}

#[test]
fn nobody_answers() {
    // An address from the block for documentation, which no router knows.
    let address = Address::Tcp(([192, 0, 2, 1], 9).into());
    let start = Instant::now();
    let result = Client::options().timeout(Duration::from_millis(30)).connect::<(), ()>(&address);
    match result {
        Err(ConnectError::TimedOut) => assert!(start.elapsed() >= Duration::from_millis(30)),
        // A machine without a network says so at once.
        Err(ConnectError::Io(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn time_for_connecting_is_no_time_for_sending() {
    let mut listener = Listener::bind(&unix()).unwrap();
    let mut there: Connection =
        Client::options().timeout(Duration::from_millis(20)).connect(listener.address()).unwrap();
    let mut here: Connection = listener.accept().unwrap();
    let message = vec![0; 8 << 20];
    std::thread::scope(|scope| {
        scope.spawn(|| there.send_bytes(&message).unwrap());
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(here.recv_bytes().unwrap().len(), message.len());
    });
}

#[test]
fn listener_dies_after_accepting() {
    let mut listener = Listener::bind(&unix()).unwrap();
    let mut there: Connection = Client::connect(listener.address()).unwrap();
    let here: Connection = listener.accept().unwrap();
    drop((listener, here));
    assert!(matches!(there.recv_bytes(), Err(RecvError::Disconnected)));
}
